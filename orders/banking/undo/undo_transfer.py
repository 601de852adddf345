"""Money that a bank transfer had brought to its shares no longer pays them: the reverse of `settle_transfer`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.aftersales.unpay import unpay
from orders.banking.active_match import ACTIVE
from orders.banking.proven import PROVEN
from orders.banking.settle_transfer import lock_shares, owned_components
from orders.credit.regrade import lower
from orders.funds.post import Moved, account_id, post
from orders.order.states import SHARE_STATE
from shop.core.database import WriteSession
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class Undone:
    """A match that was undone. unpaid: the share was fully paid by it, and is no longer."""

    payer_share_id: UUID
    fen: int
    unpaid: bool


_STANDING = text(f"""
SELECT m.payer_share_id, m.round, m.amount_fen FROM transfer_match m
WHERE m.transfer_id = :receipt AND {ACTIVE} ORDER BY m.payer_share_id
""")  # noqa: S608  # our own constant
_UNMATCH = text("""
INSERT INTO transfer_unmatch (transfer_id, payer_share_id, round, amount_fen, undoing_id, undone_at)
SELECT :receipt, r.share_id, r.round, r.fen, :undoing, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(share_id uuid, round smallint, fen bigint)
""")
# A joint share's last day to pay is its own; whose it has passed is overdue with the next sweep.
_LESS = text(f"""
UPDATE payer_share s SET paid_fen = s.paid_fen - r.fen, unproven_fen = coalesce(s.unproven_fen, 0)
        - CASE WHEN EXISTS (SELECT FROM bank_transfer t WHERE t.id = :receipt AND {PROVEN.format(t="t")})
            THEN 0 ELSE r.fen END,
    payment_state = {SHARE_STATE.format(due="s.due_fen", paid="(s.paid_fen - r.fen)")}
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(share_id uuid, fen bigint) WHERE s.id = r.share_id
RETURNING s.id, s.order_id, s.payer_kind, r.fen, s.paid_fen + r.fen >= s.due_fen AND s.paid_fen < s.due_fen AS unpaid,
    s.paid_fen
""")  # noqa: S608  # composed of our own constants
_NOT_ALL_PAID = text("""
UPDATE shop_order o SET payment_state = 'unpaid' WHERE o.id = ANY(:orders) AND o.payment_state = 'paid'
""").bindparams(bindparam("orders", type_=ARRAY(Uuid)))
_ACCOUNT_STANDS = text("""
SELECT coalesce(sum(CASE WHEN credit_account_id = :account THEN amount_fen ELSE -amount_fen END), 0)::bigint
FROM transfer WHERE :account IN (debit_account_id, credit_account_id)
""")
# It never settled and its money is gone: nothing waits for a person any more.
_HELD = text("""
UPDATE payment SET state = 'failed' WHERE order_id = ANY(:orders) AND method = 'bank_transfer' AND state = 'held'
""").bindparams(bindparam("orders", type_=ARRAY(Uuid)))


async def undo_matches(
    session: WriteSession, *, receipt_id: UUID, undoing_id: UUID, day: date, now: datetime, actor_id: UUID
) -> list[Undone]:
    """Undo what stands of a receipt's matches, on the business day `day`. The caller guards that it happens once.

    Of a person's order that is no longer fully paid credit and claims go back, and it is unpaid again. Of a joint order
    the receivable returns, and the grade of what was accepted falls to what its documents prove: amount and day stay.
    What the shares no longer have (paid back, refunded) their payers owe: receivable.
    """
    matches = (await session.execute(_STANDING, {"receipt": receipt_id})).all()
    if not matches:
        return []
    await lock_shares(session, [row.payer_share_id for row in matches])
    rows = as_rows({"share_id": row.payer_share_id, "round": row.round, "fen": row.amount_fen} for row in matches)
    await session.execute(_UNMATCH, {"receipt": receipt_id, "undoing": undoing_id, "rows": rows, "now": now})
    less = (await session.execute(_LESS, {"rows": rows, "receipt": receipt_id})).all()
    for row in sorted(less, key=lambda one: (one.order_id, one.id)):
        if row.payer_kind == "person" and row.unpaid:
            await unpay(session, order_id=row.order_id, share_id=row.id, cause_id=undoing_id, day=day, now=now)
        await _money_gone(session, row, receipt_id, undoing_id, day, now)
    joint = [row for row in less if row.payer_kind != "person" and row.unpaid]
    await session.execute(_NOT_ALL_PAID, {"orders": sorted({row.order_id for row in joint})})
    gone = [row.order_id for row in less if row.payer_kind == "person" and row.paid_fen <= 0]
    await session.execute(_HELD, {"orders": gone})
    for component_ids in (await owned_components(session, joint)).values():
        await lower(
            session, component_ids=component_ids, cause_id=undoing_id, occurred_on=day, now=now, actor_id=actor_id
        )
    return [Undone(row.id, row.fen, row.unpaid) for row in less]


async def _money_gone(
    session: WriteSession, share: Row[Any], receipt_id: UUID, undoing_id: UUID, day: date, now: datetime
) -> None:
    """Out of the bank's account: first what stands as the share's advance, the rest is owed."""
    account = account_id("advance", str(share.id))
    stands: int = (await session.execute(_ACCOUNT_STANDS, {"account": account})).scalar_one()
    from_advance = min(share.fen, max(0, stands))
    await post(session, _moves(share, receipt_id, undoing_id, day, from_advance), now=now)


def _moves(share: Row[Any], receipt_id: UUID, undoing_id: UUID, day: date, from_advance: int) -> Sequence[Moved]:
    return [
        Moved(
            key=f"bank:undone:{undoing_id}:{receipt_id}:{share.id}:{account}",
            kind="undone",
            debit=(account, str(share.id)),
            credit=("clearing", "bank"),
            amount_fen=fen,
            reference=share.order_id,
            occurred_on=day,
        )
        for account, fen in (("advance", from_advance), ("receivable", share.fen - from_advance))
        if fen
    ]
