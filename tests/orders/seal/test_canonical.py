"""RFC 8785, by its own examples and by what must always hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.seal.canonical import LARGEST, canonical

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    keys = ["€", "\r", "\ufb33", "1", "😀", "\x80", "ö"]
    ordered = list(json.loads(canonical(dict.fromkeys(keys, 1))))
    assert ordered == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]


def test_strings_are_escaped_as_little_as_may_be() -> None:
    assert canonical('€$\x0f\nA\'B"\\\\"/') == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


@pytest.mark.parametrize("value", [1.5, {"a": 0.1}, object(), b"x"])
def test_fractions_and_strange_things_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_numbers_beyond_what_every_reader_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        canonical([2**53])


@given(VALUES)
def test_it_says_the_same_and_says_it_once(value: object) -> None:
    assert json.loads(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)
