"""What waits, as the caller may see it: the oldest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, text

from orders.aftersales.schemas import RefundLineIn
from orders.payment_desk.schemas import List, OwnerOut, PaymentDeskAskedOut, PaymentDeskWaitingOut, WaitingPage
from orders.payment_desk.waiting import KINDS, WAITING, WAITING_BY_INDEX
from orders.payment_desk.words import BY_BANK, TO_DO, WHY
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids

_LIST = text(f"""
SELECT w.*, o.number, o.buyer_id, coalesce(w.unit_id, o.unit_id) AS owner_id,
    CASE WHEN w.unit_id IS NULL OR w.unit_id = o.unit_id THEN o.unit_name ELSE own.name END AS owner_name,
    d.id AS decision_id, d.action, d.details, d.reason, d.asked_by,
    d.asked_at, n.name AS asked_by_name
FROM ({WAITING}) w JOIN shop_order o ON o.id = w.order_id
LEFT JOIN unit own ON own.id = w.unit_id
LEFT JOIN desk_decision d ON d.subject = w.subject AND d.state = 'asked'
LEFT JOIN user_account u ON u.id = d.asked_by LEFT JOIN person n ON n.id = u.person_id
WHERE w.what = ANY(:whats) AND (CAST(:everything AS bool) OR coalesce(w.unit_id, o.unit_id) = ANY(:units))
    AND (CAST(:after AS timestamptz) IS NULL OR (w.since, w.subject) > (:after, CAST(:after_subject AS text)))
ORDER BY w.since, w.subject LIMIT :limit
""").bindparams(bindparam("whats", type_=ARRAY(Text)), bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608
_PAYABLE = text("""
SELECT b.id, b.number, b.total_fen FROM (SELECT o.id, o.number, o.placed_at, o.state, o.payment_state, o.expires_at,
    (SELECT coalesce(sum(c.net_fen), 0) FROM share_component c WHERE c.order_id = o.id)
    + (SELECT coalesce(sum(p.freight_fen), 0) FROM parcel p WHERE p.order_id = o.id)
    - (SELECT coalesce(sum(c.net_fen), 0) FROM share_component c JOIN line_share s ON s.id = c.share_id
        WHERE c.order_id = o.id AND s.payer_kind = 'allowance') AS total_fen
    FROM shop_order o JOIN shop_order s ON s.buyer_id = o.buyer_id WHERE s.id = :order) b
WHERE b.state = 'placed' AND b.payment_state <> 'paid' AND b.expires_at > :now AND b.total_fen <= :fen
ORDER BY b.placed_at DESC LIMIT 10
""")
_LINES = text("""
SELECT id, title || ' ' || spec AS title, quantity - refunded_quantity AS pieces FROM order_line
WHERE order_id = :order AND quantity > refunded_quantity ORDER BY position
""")

_ASKED = text("SELECT id, action, details, reason FROM desk_decision WHERE subject = :subject AND state = 'asked'")
_HOW_MUCH = text(f"SELECT what, count(*) AS things, min(since) AS oldest FROM ({WAITING_BY_INDEX}) w GROUP BY what")  # noqa: S608


async def how_much_waits(session: ReadSession) -> Sequence[Row[str, int, datetime]]:
    """Rows of (what, things, oldest), of the whole shop; what is not among them does not wait. what: as in KINDS. Money
    that came by bank is the bank desk's daily work, and the nightly balance counts it.
    """
    return (await session.execute(_HOW_MUCH)).all()


async def asked_about(session: ReadSession, subject: str) -> Row[Any] | None:
    """Row of (id, action, details, reason): what waits for a second person. Whether the caller may is the verb's."""
    return (await session.execute(_ASKED, {"subject": subject})).one_or_none()


async def waiting_list(
    session: ReadSession, actor: Actor, *, which: List, now: datetime, limit: int, cursor: str | None = None
) -> WaitingPage:
    """One list of the desk. What concerns a unit is shown to its staff, what concerns none to those of the shop."""
    visible = await visible_unit_ids(session, actor, Permission.PAYMENT_DESK, clock.business_day(now))
    after, after_subject = read_cursor(cursor, datetime, str) if cursor else (None, None)
    named = {
        "whats": list(KINDS[which]),
        "everything": visible is None,
        "units": list(visible or ()),
        "after": after,
        "after_subject": after_subject,
        "limit": limit + 1,
    }
    rows = (await session.execute(_LIST, named)).all()
    return WaitingPage(
        items=[_out(row, now) for row in rows[:limit]],
        next_cursor=cursor_of(rows[limit - 1].since, rows[limit - 1].subject) if len(rows) > limit else None,
    )


async def payable_with(
    session: ReadSession, waiting: PaymentDeskWaitingOut, *, now: datetime
) -> list[tuple[UUID, str, int]]:
    """Orders of the same buyer that this advance could pay: id, number, fen."""
    rows = await session.execute(_PAYABLE, {"order": waiting.order_id, "now": now, "fen": waiting.amount_fen})
    return [(row.id, row.number, int(row.total_fen)) for row in rows]


async def lines_left(session: ReadSession, order_id: UUID) -> list[tuple[UUID, str, int]]:
    """Lines of an order with pieces that no refund has taken: id, title, pieces."""
    return [(row.id, row.title, row.pieces) for row in await session.execute(_LINES, {"order": order_id})]


def _out(row: Row[Any], now: datetime) -> PaymentDeskWaitingOut:
    asked = None
    if row.decision_id is not None:
        asked = PaymentDeskAskedOut(
            row.decision_id, row.action, row.reason, row.asked_by, row.asked_by_name, row.asked_at,
            row.details.get("bank_reference"), tuple(RefundLineIn(**line) for line in row.details.get("lines", ())),
        )  # fmt: skip
    return PaymentDeskWaitingOut(
        subject=row.subject,
        what=row.what,
        id=row.id,
        payment_id=row.payment_id,
        order_id=row.order_id,
        order_number=row.number,
        amount_fen=row.amount_fen,
        currency=row.currency,
        expected_fen=row.expected_fen,
        why=row.why,
        said=WHY.get(row.why, row.why),
        to_do=BY_BANK if row.by_bank and row.what == "held" else TO_DO[row.what],
        since=row.since,
        age_minutes=max(0, int((now - row.since).total_seconds() // 60)),
        due_at=row.due_at,
        on_its_way=row.on_its_way,
        by_bank=row.by_bank,
        owner=OwnerOut("unit" if row.owner_id else "platform", row.owner_id, row.owner_name),
        asked=asked,
    )
