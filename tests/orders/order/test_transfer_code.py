"""What people make of a code when they type it into their bank's form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.iso7064 import mod_37_36

from orders.order.transfer_code import codes_in, new_transfer_code

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE = "BFK7M01QX4T" + mod_37_36.calc_check_digit("K7M01QX4T", SIGNS)
WIDE = "".join(chr(ord(sign) + 0xFEE0) for sign in CODE)


@pytest.mark.parametrize(
    "remark",
    [
        CODE,
        f"中秋慰问品货款{CODE}请查收",
        CODE.lower(),
        WIDE,
        " ".join(CODE),
        f"{CODE[:4]}-{CODE[4:8]}-{CODE[8:]}",
        f"识别码：{CODE[:6]}　{CODE[6:]}。",
        CODE.replace("0", "O").replace("1", "l"),
        f"{CODE}，{WIDE}",
        f"合同BF2026{CODE}",
    ],
)
def test_a_code_is_found_however_it_is_typed(remark: str) -> None:
    assert codes_in(remark) == [CODE]


def test_several_codes_are_found_in_their_order() -> None:
    codes = [new_transfer_code() for _ in range(3)]
    assert codes_in("、".join(codes)) == codes
    assert len({new_transfer_code() for _ in range(2_000)}) == 2_000


@settings(max_examples=40)
@given(st.integers(2, 11), st.sampled_from(SIGNS))
def test_one_wrong_sign_is_no_code(place: int, sign: str) -> None:
    code = new_transfer_code()
    typed = code[:place] + sign + code[place + 1 :]
    assert codes_in(typed) == ([code] if typed == code else [])


@pytest.mark.parametrize("remark", ["", "货款", "BF123", "BFBFBFBFBFBF", "2026年中秋节慰问品"])
def test_other_words_are_no_code(remark: str) -> None:
    assert codes_in(remark) == []
