"""Who took the goods: signed by oneself, by a proxy, posted, refused, not reached. Unsigned rows are only a flag."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import text

from orders.bulk.choice.leader import led_by
from orders.roll.draw_up import draw_up
from orders.roll.models import OUTCOMES
from shop.access.permissions import Actor, Permission
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.rows import as_rows

SIGNED_IN: Final = frozenset({"ordered", "shipped", "accepted", "distributed"})


class SignatureWrong(Problem):
    """A signature that says too little, or of nobody on the roll. Nothing was recorded."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "signature_wrong"
    title: ClassVar[str] = "签领记录有误，什么都没有保存"


class RollClosed(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "roll_closed"
    title: ClassVar[str] = "签领表已经归档"


@dataclass(frozen=True, slots=True)
class Signed:
    """By person id, staff number, or page and line of the paper; a proxy's name, a parcel's waybill, why not."""

    outcome: str
    person_id: UUID | None = None
    staff_number: str | None = None
    page: int | None = None
    line: int | None = None
    proxy_name: str | None = None
    waybill: str | None = None
    note: str | None = None
    signed_on: date | None = None


_FIND = text("""
SELECT w.index AS at, r.person_id, r.outcome
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS w(index int, person_id uuid, staff_number text, page int, line int)
JOIN bulk_member m ON m.purchase_id = :purchase AND (w.staff_number IS NULL OR m.staff_number = w.staff_number)
    AND (w.person_id IS NULL OR m.person_id = w.person_id)
JOIN roll_row r ON r.purchase_id = m.purchase_id AND r.person_id = m.person_id
    AND (w.page IS NULL OR (r.page = w.page AND r.line = w.line))
WHERE (w.person_id IS NOT NULL OR w.staff_number IS NOT NULL OR w.page IS NOT NULL)
    AND (CAST(:units AS uuid[]) IS NULL OR r.unit_id = ANY(:units))
""")
_SIGN = text("""
UPDATE roll_row r SET outcome = w.outcome, proxy_name = w.proxy_name, waybill = w.waybill, note = w.note,
    signed_on = w.signed_on, recorded_by = :actor, recorded_at = :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS w(person_id uuid, outcome text, proxy_name text, waybill text,
    note text, signed_on date)
WHERE r.purchase_id = :purchase AND r.person_id = w.person_id
    AND (r.outcome, r.proxy_name, r.waybill, r.note, r.signed_on)
        IS DISTINCT FROM (w.outcome, w.proxy_name, w.waybill, w.note, w.signed_on)
RETURNING r.person_id
""")


async def record_signatures(
    session: WriteSession,
    *,
    actor: Actor,
    purchase_id: UUID,
    signatures: Sequence[Signed],
    today: date,
    now: datetime,
) -> int:
    """All of them or none; returns how many rows changed. The same again changes nothing; a later one replaces.

    Raises NotFound, RollTooEarly, RollClosed, SignatureWrong with every row that is wrong.
    """
    led = await led_by(session, actor, purchase_id, now, Permission.ROLL_WRITE)
    await draw_up(session, led.purchase)
    if led.purchase.state not in SIGNED_IN:
        raise RollClosed("采购已归档，签领记录不能再改。")
    errors = [found for i, one in enumerate(signatures) for found in _wrong(i, one, today)]
    units = None if led.units is None else list(led.units)
    keys = as_rows(
        {
            "person_id": str(one.person_id) if one.person_id else None,
            "staff_number": one.staff_number,
            "page": one.page,
            "line": one.line,
        }
        for one in signatures
    )
    rows = await session.execute(_FIND, {"purchase": purchase_id, "units": units, "rows": keys})
    found: dict[int, Any] = {row.at: row for row in rows}
    errors += [
        Detail(f"/signatures/{i}", "not_on_roll", "签领表上没有这位会员")
        for i in range(len(signatures))
        if i not in found
    ]
    if errors:
        raise SignatureWrong(f"{errors[0].detail}。共 {len(errors)} 处。", errors)
    last = {found[i].person_id: one for i, one in enumerate(signatures)}
    facts = as_rows(_facts(person_id, one, today) for person_id, one in last.items())
    named = {"purchase": purchase_id, "rows": facts, "actor": actor.user_id, "now": now}
    changed = list(await session.scalars(_SIGN, named))
    if changed:
        await record_change(
            session,
            actor_id=actor.user_id,
            action="roll.signed",
            subject=f"bulk_purchase:{purchase_id}",
            before=dict(Counter(row.outcome or "open" for row in found.values())),
            after=dict(Counter(one.outcome for one in last.values())),
            now=now,
        )
    return len(changed)


def _wrong(index: int, one: Signed, today: date) -> list[Detail]:
    found = []
    if one.outcome not in OUTCOMES:
        found.append(
            Detail(f"/signatures/{index}/outcome", "outcome_unknown", "请选择本人、代领、邮寄、拒领或未联系上")
        )
    if one.outcome == "proxy" and not one.proxy_name:
        found.append(Detail(f"/signatures/{index}/proxy_name", "proxy_missing", "代领请填写代领人姓名"))
    if one.outcome == "posted" and not one.waybill:
        found.append(Detail(f"/signatures/{index}/waybill", "waybill_missing", "邮寄请填写运单号"))
    if one.signed_on and one.signed_on > today:
        found.append(Detail(f"/signatures/{index}/signed_on", "day_ahead", "签领日期不能晚于今天"))
    return found


def _facts(person_id: UUID, one: Signed, today: date) -> dict[str, Any]:
    return {
        "person_id": str(person_id),
        "outcome": one.outcome,
        "proxy_name": one.proxy_name if one.outcome == "proxy" else None,
        "waybill": one.waybill if one.outcome == "posted" else None,
        "note": one.note,
        "signed_on": str(one.signed_on or today) if one.outcome != "not_reached" else None,
    }
