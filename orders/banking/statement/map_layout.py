"""A statement whose header nobody knows: one person says what each column is, another one confirms, from then on."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from orders.banking.problems import SamePerson
from orders.banking.schemas import LayoutOut
from orders.banking.statement.layouts import LAYOUTS, MAPPABLE, StatementLayout
from orders.evidence.queries import paper_seen_by
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id
from shop.core.locks import Lock
from shop.core.window import in_force, not_ended
from shop.organisation.queries import unit_path, visible_unit_ids
from shop.sheet.heed import says_direction, says_status, unit_in
from shop.sheet.refused import HeaderWrong
from shop.sheet.value import plain


class LayoutIncomplete(Problem):
    """Without one of these columns nobody can say which row, when, from whom and how much."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "layout_incomplete"
    title: ClassVar[str] = "还缺少必需的列"


class LayoutWaits(HeaderWrong):
    """It is mapped, and another person has not confirmed it yet."""

    code: ClassVar[str] = "layout_waits"
    title: ClassVar[str] = "这种表头的格式正等待另一人确认"


class LayoutDecided(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "layout_decided"
    title: ClassVar[str] = "这个格式已经有人处理"


_IN_FORCE = text(f"""
SELECT name, columns, ignored FROM bank_layout
WHERE state = 'confirmed' AND {in_force("", ":day")}
    AND (unit_id IS NULL OR unit_id = ANY(CAST(:path AS uuid[]))) ORDER BY valid_from DESC, id
""")  # noqa: S608  # our own words
_WAITING = text("""
SELECT name, columns, ignored FROM bank_layout
WHERE state = 'proposed' AND (unit_id IS NULL OR unit_id = ANY(CAST(:path AS uuid[]))) ORDER BY proposed_at, id
""")
_PROPOSE = text("""
INSERT INTO bank_layout (id, name, unit_id, columns, ignored, sample_sha256, state, valid_from, proposed_by,
    proposed_at)
VALUES (:id, :name, :unit, CAST(:columns AS jsonb), :ignored, :sample, 'proposed', :day, :actor, :now)
""")
_LAYOUT = text("SELECT * FROM bank_layout WHERE id = :id")
_DECIDE = text("""
UPDATE bank_layout SET state = :state, decided_by = :actor, decided_at = :now, valid_from = :day
WHERE id = :id AND state = 'proposed' AND proposed_by <> :actor RETURNING id
""")
# The newest under a name takes the place of the one before; one of the same day has no day of its own to end with.
_ONE_AT_A_TIME = text(f"SELECT pg_advisory_xact_lock({Lock.BANK_STATEMENTS})")
_END = text("""
UPDATE bank_layout SET state = CASE WHEN valid_from < :day THEN state ELSE 'ended' END,
    valid_to = CASE WHEN valid_from < :day THEN CAST(:day AS date) END
WHERE name = :name AND unit_id IS NOT DISTINCT FROM CAST(:unit AS uuid) AND state = 'confirmed' AND id <> :id
    AND valid_to IS NULL
""")
_SEEN = text(f"""
SELECT id, name, unit_id, columns, ignored, sample_sha256, state, valid_from, proposed_by FROM bank_layout
WHERE state IN ('proposed', 'confirmed') AND {not_ended("", ":day")}
    AND (:all OR unit_id = ANY(CAST(:units AS uuid[]))) ORDER BY proposed_at DESC, id LIMIT 100
""")  # noqa: S608


async def layouts_of(session: ReadSession, unit_id: UUID | None, day: date) -> list[StatementLayout]:
    """What a desk reads by on a day: what everybody knows, and what was mapped for it or for a unit above it."""
    path = await unit_path(session, unit_id, day) if unit_id else []
    mapped = await session.execute(_IN_FORCE, {"day": day, "path": [str(one) for one in path]})
    return [*(_layout(row) for row in mapped), *LAYOUTS]


async def refuse_waiting(session: ReadSession, unit_id: UUID | None, titles: Sequence[str], day: date) -> None:
    """titles: of a header that no layout knows. Raises LayoutWaits where somebody has mapped it for this desk."""
    path = await unit_path(session, unit_id, day) if unit_id else []
    for row in await session.execute(_WAITING, {"path": [str(one) for one in path]}):
        if _layout(row).is_header([plain(title) for title in titles]):
            raise LayoutWaits(f"格式“{row.name}”已经有人指明了各列，请另一位同事在对公转账页确认，然后再导入。")


async def layouts_seen(session: ReadSession, actor: Actor, day: date) -> list[LayoutOut]:
    """Mapped layouts of the actor's desks, waiting and in force."""
    units = await visible_unit_ids(session, actor, Permission.BANK_IMPORT, day)
    rows = await session.execute(_SEEN, {"day": day, "all": units is None, "units": [str(one) for one in units or ()]})
    return [LayoutOut(**row) for row in rows.mappings()]


async def propose_layout(
    session: WriteSession,
    *,
    actor: Actor,
    unit_id: UUID | None,
    name: str,
    columns: Mapping[str, Sequence[str]],
    ignored: Sequence[str],
    sample_sha256: str | None,
    now: datetime,
) -> UUID:
    """columns: our names (`MAPPABLE`) → titles of the file. unit_id None: for everybody, which needs scope `all`.

    Raises NotFound out of reach or for a sample that the actor may not see, LayoutIncomplete.
    """
    day = clock.business_day(now)
    await _within(session, actor, Permission.BANK_IMPORT, unit_id, day)
    if sample_sha256 is not None:
        await paper_seen_by(session, actor, sample_sha256, day=day)
    requested = {field: list(titles) for field, titles in columns.items() if field in MAPPABLE and titles}
    layout = _named(name, requested, ignored)
    if not layout.is_header([plain(title) for titles in requested.values() for title in titles]):
        said = "须指明流水号、日期、对方户名，以及收入金额（或金额和收支方向）各是哪一列"
        raise LayoutIncomplete(f"{said}。", [Detail("/columns", LayoutIncomplete.code, said)])
    every = [plain(title) for titles in requested.values() for title in titles]
    if twice := sorted({title for title in every if every.count(title) > 1}):
        said = f"一列只能是一种内容：{'、'.join(twice)}"
        raise LayoutIncomplete(f"{said}。", [Detail("/columns", LayoutIncomplete.code, said)])
    if said := _overlooked(requested, ignored):
        raise LayoutIncomplete(f"{said}。", [Detail("/columns", LayoutIncomplete.code, said)])
    layout_id = new_id()
    facts = {"id": layout_id, "name": name, "unit": unit_id, "ignored": list(ignored), "sample": sample_sha256}
    facts |= {"columns": msgspec.json.encode(requested).decode(), "day": day, "actor": actor.user_id, "now": now}
    await session.execute(_PROPOSE, facts)
    after = {"name": name, "unit_id": str(unit_id) if unit_id else None, "columns": requested, "ignored": list(ignored)}
    await _note(session, actor, "bank_layout.propose", layout_id, after, now)
    return layout_id


async def decide_layout(
    session: WriteSession, *, actor: Actor, layout_id: UUID, confirmed: bool, now: datetime
) -> None:
    """Another person than who mapped it. Confirmed, statements are read by it from today on, and the one that had its
    name ends. Raises NotFound out of reach, SamePerson, LayoutDecided.
    """
    day = clock.business_day(now)
    layout = (await session.execute(_LAYOUT, {"id": layout_id})).one_or_none()
    if layout is None:
        raise NotFound("没有这个流水格式。")
    await _within(session, actor, Permission.BANK_CONFIRM, layout.unit_id, day)
    if layout.proposed_by == actor.user_id and layout.state == "proposed":
        raise SamePerson("请另一位有确认权限的同事处理。")
    state = "confirmed" if confirmed else "rejected"
    named = {"id": layout_id, "state": state, "actor": actor.user_id, "now": now, "day": day}
    if confirmed:
        await session.execute(_ONE_AT_A_TIME)
        await session.execute(_END, {"name": layout.name, "unit": layout.unit_id, "id": layout_id, "day": day})
    if await session.scalar(_DECIDE, named) is None:
        if (layout.state, layout.decided_by) == (state, actor.user_id):
            return
        raise LayoutDecided("请刷新页面查看结果。")
    await _note(session, actor, f"bank_layout.{state}", layout_id, {"name": layout.name}, now)


def _overlooked(requested: Mapping[str, Sequence[str]], ignored: Sequence[str]) -> str:
    """What would make another figure of a row's, or money that came of what went out; "" where nothing does."""
    for title in (title for name in ("income", "outgo", "amount") for title in requested.get(name, ())):
        if unit := unit_in(title):
            return f"“{title}”以{unit}为单位，请先换算成元（或使用以元为单位的导出）"
    one_way = "direction" in requested or {"income", "outgo"} <= requested.keys()
    for title in ignored:
        if says_status(title) or (not one_way and says_direction(title)):
            return f"“{title}”说的是收支方向或状态，不能不读，请指明它是哪一列"
    return ""


async def _within(session: ReadSession, actor: Actor, permission: Permission, unit_id: UUID | None, day: date) -> None:
    units = await visible_unit_ids(session, actor, permission, day)
    if units is not None and unit_id not in units:
        raise NotFound("没有找到这个流水格式，或者它不在您的范围内。")


def _layout(row: Row[Any]) -> StatementLayout:
    return _named(row.name, row.columns, row.ignored)


def _named(name: str, columns: Mapping[str, Sequence[str]], ignored: Sequence[str]) -> StatementLayout:
    none: dict[str, Any] = dict.fromkeys(("serial_number", "day", "payer_name"), ())
    known = {field: tuple(titles) for field, titles in columns.items()}
    return StatementLayout(bank="mapped", name=name, ignored=tuple(ignored), **(none | known))


async def _note(
    session: WriteSession, actor: Actor, action: str, layout_id: UUID, after: dict[str, Any], now: datetime
) -> None:
    await record_change(
        session, actor_id=actor.user_id, action=action, subject=f"bank_layout:{layout_id}", after=after, now=now
    )
