"""Whose money pays: every fund source (资金来源) once. Columns, forms, files and reports follow from this table.

Another one is a code and its words here, a migration of the columns' CHECKs and defaults (`make check` names them),
and its English.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

FundSource = Literal["personal", "union", "canteen", "administration", "party_dues"]
UnionFund = Literal["union", "administration", "party_dues"]
"""What a purchase at a union's desk is paid from, and what its spending rules speak of."""
FUND_SOURCES: Final[tuple[FundSource, ...]] = get_args(FundSource)
UNION_FUNDS: Final[tuple[UnionFund, ...]] = get_args(UnionFund)
FUND_WORDS: Final[dict[str, str]] = {
    "personal": "职工自费",
    "union": "工会经费",
    "canteen": "食堂经费",
    "administration": "行政经费",
    "party_dues": "党费",
}
UNION_FUND_WORDS: Final[dict[str, str]] = {code: FUND_WORDS[code] for code in UNION_FUNDS}
_ALSO_READ: Final[dict[str, str]] = {
    "个人": "personal", "个人自费": "personal", "工会": "union", "食堂": "canteen", "行政": "administration",
}  # fmt: skip
FUND_READ_AS: Final[Mapping[str, str]] = {word: code for code, word in FUND_WORDS.items()} | _ALSO_READ
"""What the files of other channels call them."""
