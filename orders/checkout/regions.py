"""Where to: a county found by what somebody types, without scripts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ARRAY, Text, bindparam, text

from shop.core.database import ReadSession
from shop.core.window import in_force

SHOWN_MOST = 40
_SAID_MOST = 30

_LABEL = "k.province || coalesce(k.prefecture, '') || k.name"
_VALID = f"{in_force('k', ':day', unknown=True)}"
# The letters in their order are enough: 上海黄浦 finds 上海市黄浦区. The closest comes first.
_FIND = text(f"""
SELECT k.code, {_LABEL} AS label FROM county k
WHERE {_VALID} AND (k.code = :said OR {_LABEL} LIKE :letters OR starts_with(k.pinyin, lower(:said))
    OR EXISTS (SELECT FROM county_alias a WHERE a.code = k.code AND a.alias = :said))
ORDER BY CASE WHEN k.code = :said OR k.name = :said OR {_LABEL} = :said THEN 0 WHEN starts_with(k.name, :said) THEN 1
    WHEN strpos({_LABEL}, :said) > 0 THEN 2 ELSE 3 END, k.code
LIMIT :most
""")  # noqa: S608  # composed of our own constants; every value is a bind parameter
_LABELS = text(f"SELECT k.code, {_LABEL} AS label FROM county k WHERE k.code = ANY(:codes)").bindparams(  # noqa: S608
    bindparam("codes", type_=ARRAY(Text))
)


@dataclass(frozen=True, slots=True)
class Region:
    """label: province, prefecture and county in one word, such as 贵州省黔东南苗族侗族自治州从江县."""

    code: str
    label: str


async def find_regions(session: ReadSession, said: str, *, day: date) -> list[Region]:
    """Counties of today that fit a name, a part of one, letters of one, pinyin or a code; at most 40, closest first."""
    said = "".join(said.split())[:_SAID_MOST]
    if not said or not said.isprintable():
        return []
    letters = "%" + "%".join("\\" + letter if letter in "\\%_" else letter for letter in said) + "%"
    rows = await session.execute(_FIND, {"said": said, "letters": letters, "day": day, "most": SHOWN_MOST})
    return [Region(*row) for row in rows]


async def labels_of(session: ReadSession, codes: Collection[str]) -> dict[str, str]:
    """Code → label; a code that is in no book is missing."""
    rows = await session.execute(_LABELS, {"codes": sorted(codes)})
    return {row.code: row.label for row in rows}
