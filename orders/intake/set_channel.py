"""Where else goods are sold: a channel is added, or read and named otherwise from now on; two people do it."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.intake.channels import NEEDED, TEMPLATE
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem


class ChannelRefused(Problem):
    """`errors[]` says what is wrong."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "channel_refused"
    title: ClassVar[str] = "渠道不能登记"


@dataclass(frozen=True, slots=True)
class NewChannel:
    """columns: our name of a column → its titles in the channel's statement. Half-open days. source: who says so."""

    code: str
    name: str
    kind: str
    columns: dict[str, list[str]]
    valid_from: date
    valid_to: date | None
    source: str


_BEFORE = text("SELECT name, kind, columns, valid_from, valid_to FROM sales_channel WHERE code = :code FOR UPDATE")
_SET = text("""
INSERT INTO sales_channel (code, position, name, kind, columns, valid_from, valid_to)
SELECT :code, coalesce(max(position), 0) + 1, :name, :kind, CAST(:columns AS jsonb), :valid_from, :valid_to
FROM sales_channel
ON CONFLICT (code) DO UPDATE SET name = excluded.name, kind = excluded.kind, columns = excluded.columns,
    valid_from = excluded.valid_from, valid_to = excluded.valid_to
""")
_FIELDS = frozenset(one.field for one in TEMPLATE)


async def set_channel(session: WriteSession, *, actor_id: UUID | None, requested: NewChannel, now: datetime) -> None:
    """What was staged before stays as it was read. A column keeps its `blank` and `words`. Raises ChannelRefused."""
    wrong = [
        Detail(f"/columns/{name}", "unknown_column", "没有这一列") for name in requested.columns if name not in _FIELDS
    ]
    wrong += [Detail("/columns", "missing", f"缺少“{name}”列") for name in NEEDED if not requested.columns.get(name)]
    if requested.valid_to is not None and requested.valid_to <= requested.valid_from:
        wrong.append(Detail("/valid_to", "half_open", "结束日期须晚于开始日期"))
    if wrong:
        raise ChannelRefused("请核对后再提交。", wrong)
    before = (await session.execute(_BEFORE, {"code": requested.code})).mappings().one_or_none()
    kept: dict[str, Any] = {one["field"]: one for one in before["columns"]} if before else {}
    columns = [{**kept.get(name, {}), "field": name, "titles": titles} for name, titles in requested.columns.items()]
    await session.execute(_SET, asdict(requested) | {"columns": msgspec.json.encode(columns).decode()})
    after: dict[str, Any] = msgspec.to_builtins({**asdict(requested), "columns": columns})
    await record_change(
        session,
        actor_id=actor_id,
        action="intake.channel_set",
        subject=f"sales_channel:{requested.code}",
        before=msgspec.to_builtins(dict(before)) if before else None,
        after=after,
        reason=requested.source,
        now=now,
    )
