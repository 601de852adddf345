"""What payers of an order owe and have paid: each change writes the share's payment state with it.

Whoever changes several shares, or a share and its order, locks the order first, then its shares by their ids.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Date, Row, Uuid, bindparam, text

from orders.order.rows import PayerShareRow
from shop.core.database import WriteSession
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class ShareChange:
    """By how much (fen, signed) a share's payments change; unproven: those of which there is one person's file only."""

    id: UUID
    paid_fen: int = 0
    unproven_fen: int = 0


# Overdue stays so until it is paid whole, and a share that nothing is due for is paid.
_STATE: Final = """CASE WHEN {paid} > {due} THEN 'overpaid' WHEN {paid} = {due} THEN 'paid'
        WHEN payment_state = 'overdue' THEN 'overdue' WHEN {paid} > 0 THEN 'partly_paid' ELSE 'unpaid' END"""
_SHARES: Final = bindparam("shares", type_=ARRAY(Uuid))
_LOCK_ORDERS: Final = text("""
SELECT id FROM shop_order WHERE id IN (SELECT order_id FROM payer_share WHERE id = ANY(:shares))
ORDER BY id FOR UPDATE
""").bindparams(_SHARES)
_LOCK: Final = text("SELECT id FROM payer_share WHERE id = ANY(:shares) ORDER BY id FOR UPDATE").bindparams(_SHARES)
_PAY: Final = text(f"""
UPDATE payer_share s SET paid_fen = s.paid_fen + r.paid_fen,
    unproven_fen = coalesce(s.unproven_fen, 0) + r.unproven_fen,
    payment_state = {_STATE.format(due="s.due_fen", paid="(s.paid_fen + r.paid_fen)")}
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, paid_fen bigint, unproven_fen bigint) WHERE s.id = r.id
RETURNING s.id, s.order_id, s.payer_kind, s.due_fen, s.paid_fen, coalesce(s.unproven_fen, 0) = 0 AS proven,
    s.paid_fen - r.paid_fen AS before_fen
""")  # noqa: S608  # our own constant
_LOWER: Final = text(f"""
WITH locked AS MATERIALIZED (
    SELECT id FROM payer_share WHERE order_id = :order ORDER BY id FOR NO KEY UPDATE
), less AS (
    SELECT * FROM jsonb_to_recordset(CAST(:less AS jsonb)) AS r(id uuid, fen bigint)
)
UPDATE payer_share y SET due_fen = y.due_fen - coalesce(r.fen, 0),
    due_on = coalesce(y.due_on, CAST(:due_on AS date)),
    payment_state = {_STATE.format(due="(y.due_fen - coalesce(r.fen, 0))", paid="y.paid_fen")}
FROM locked k LEFT JOIN less r ON r.id = k.id WHERE y.id = k.id
RETURNING y.id, y.due_fen, y.paid_fen, y.paid_fen >= y.due_fen AND coalesce(y.unproven_fen, 0) = 0 AS paid_and_proven,
    y.payment_state
""")  # noqa: S608  # our own constant
_SET_DUE: Final = text(f"""
UPDATE payer_share SET due_fen = :fen, payment_state = {_STATE.format(due=":fen", paid="paid_fen")} WHERE id = :share
""")  # noqa: S608  # our own constant
_COLUMNS: Final = ", ".join(PayerShareRow.__struct_fields__)
_OPEN: Final = text(f"""
INSERT INTO payer_share ({_COLUMNS})
SELECT {_COLUMNS} FROM jsonb_populate_record(NULL::payer_share, CAST(:row AS jsonb))
ON CONFLICT (order_id, position) DO NOTHING
""")  # noqa: S608  # our own words
_NOTHING_DUE: Final = text("""
UPDATE payer_share SET due_fen = 0, payment_state = 'paid' WHERE order_id = :order AND paid_fen = 0 RETURNING id
""")
_DUE_ON: Final = text("""
UPDATE payer_share SET due_on = :day WHERE order_id = :order AND extended_on IS NULL
""").bindparams(bindparam("day", type_=Date))
_EXTEND: Final = text("""
UPDATE payer_share SET due_on = due_on + CAST(:days AS integer), extended_on = :day,
    payment_state = CASE WHEN payment_state <> 'overdue' OR due_on + CAST(:days AS integer) < :day THEN payment_state
        WHEN paid_fen > 0 THEN 'partly_paid' ELSE 'unpaid' END
WHERE order_id = :order AND terms = 'after_acceptance' AND extended_on IS NULL AND due_on IS NOT NULL
    AND paid_fen < due_fen
RETURNING due_on, payment_state
""").bindparams(bindparam("day", type_=Date))
_OVERDUE: Final = text("""
WITH late AS (
    SELECT id FROM payer_share WHERE due_on < :day AND payment_state IN ('unpaid', 'partly_paid')
        AND paid_fen < due_fen ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE payer_share s SET payment_state = 'overdue' FROM late WHERE s.id = late.id RETURNING s.order_id
""").bindparams(bindparam("day", type_=Date))


async def lock_shares(session: WriteSession, share_ids: Collection[UUID]) -> None:
    """Orders first, then their shares, each by their ids: as everybody locks them."""
    await session.execute(_LOCK_ORDERS, {"shares": list(share_ids)})
    await session.execute(_LOCK, {"shares": list(share_ids)})


async def pay_shares(session: WriteSession, changes: Sequence[ShareChange]) -> Sequence[Row[Any]]:
    """Money came to shares or left them. Returns id, order_id, payer_kind, due_fen, paid_fen, proven (nothing rests on
    one person's file), before_fen (what had been paid).
    """
    return (await session.execute(_PAY, {"rows": as_rows(changes)})).all() if changes else ()


async def lower_due(
    session: WriteSession, order_id: UUID, less: Mapping[UUID, int], *, due_on: date | None = None
) -> Sequence[Row[Any]]:
    """Lock the order's shares and lower what they owe. less: share → fen. due_on: the last day to pay, where none was
    named before. Returns every share of the order with `due_fen`, `paid_fen`, `paid_and_proven`.
    """
    rows = [{"id": share_id, "fen": fen} for share_id, fen in less.items() if fen]
    named = {"order": order_id, "less": msgspec.json.encode(rows).decode(), "due_on": due_on}
    return (await session.execute(_LOWER, named)).all()


async def set_due(session: WriteSession, *, share_id: UUID, fen: int) -> None:
    """So much is due of a share, whatever was before."""
    await session.execute(_SET_DUE, {"share": share_id, "fen": fen})


async def nothing_due(session: WriteSession, *, order_id: UUID) -> bool:
    """Nobody owes anything for an order for which nobody has paid; False where somebody has."""
    return await session.scalar(_NOTHING_DUE, {"order": order_id}) is not None


async def open_share(session: WriteSession, row: PayerShareRow) -> None:
    """A payer of an order that had none; where it has one at this position, that one stays."""
    await session.execute(_OPEN, {"row": msgspec.json.encode(row).decode()})


async def set_due_on(session: WriteSession, *, order_id: UUID, day: date) -> None:
    """The last day to pay, unless the one extension was given."""
    await session.execute(_DUE_ON, {"order": order_id, "day": day})


async def extend_due(session: WriteSession, *, order_id: UUID, days: int, day: date) -> Row[Any] | None:
    """The one extension by so many days; None where nothing is due or it was given. Returns due_on, payment_state."""
    return (await session.execute(_EXTEND, {"order": order_id, "days": days, "day": day})).one_or_none()


async def mark_overdue(session: WriteSession, *, day: date) -> list[UUID]:
    """Shares that were to be paid before `day` and were not; their orders, one for each share."""
    return list(await session.scalars(_OVERDUE, {"day": day}))
