"""A list in which nearly all leave and the same names come: its numbers were changed, not its people."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text

from shop.core.database import ReadSession
from shop.core.errors import Problem
from shop.organisation.roster_people import Listed

_LAST = text("""
SELECT e.staff_number, p.name, e.unit_id FROM roster_entry e JOIN person p ON p.id = e.person_id
WHERE e.roster_id = :roster
""")


class NumbersChanged(Problem):
    """Most of the last list would leave and the same names would join under other staff numbers."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "roster_numbers_changed"
    title: ClassVar[str] = "名册里的工号对不上，什么都没有保存"


async def refuse_renumbered(
    session: ReadSession, last_roster_id: UUID, people: Sequence[Listed], keeps: frozenset[UUID] | None
) -> None:
    """people: the list that shall follow, of the units `keeps` (None: of all). Raises NumbersChanged."""
    rows: Sequence[Any] = (await session.execute(_LAST, {"roster": last_roster_id})).all()
    last = [row for row in rows if keeps is None or row.unit_id in keeps]
    numbers = {one.staff_number for one in people}
    leaving = [row for row in last if row.staff_number not in numbers]
    known = {row.staff_number for row in last}
    joining = [one for one in people if one.staff_number not in known]
    if len(leaving) * 2 <= len(last):
        return
    same = Counter(row.name for row in leaving if row.name) & Counter(one.name for one in joining)
    if same.total() * 2 < len(leaving):
        return
    without_zeros = {row.staff_number.lstrip("0") for row in leaving if row.staff_number.startswith("0")}
    why = "请核对工号一列"
    if any(one.staff_number in without_zeros for one in joining):
        why = "工号前面的 0 不见了（表格软件把工号当成了数字），请把工号一列设为文本后重新导出"
    raise NumbersChanged(
        f"按这份名册，{len(last)} 人里有 {len(leaving)} 人离开，同时有 {same.total()} 个同名的人以别的工号加入。{why}。"
    )
