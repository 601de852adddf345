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
from orders.banking.settle_transfer import owned_components
from orders.credit.regrade import lower
from orders.funds.post import Moved, account_id, post
from orders.order.move_on import move_payment
from orders.order.shares import ShareChange, lock_shares, pay_shares
from orders.payment.move_on import end_payments
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
_PROVEN = text(
    f"SELECT EXISTS (SELECT FROM bank_transfer t WHERE t.id = :receipt AND {PROVEN.format(t='t')})"  # noqa: S608
)
_ACCOUNT_STANDS = text("""
SELECT coalesce(sum(CASE WHEN credit_account_id = :account THEN amount_fen ELSE -amount_fen END), 0)::bigint
FROM transfer WHERE :account IN (debit_account_id, credit_account_id)
""")
_HELD = text("""
SELECT id FROM payment WHERE order_id = ANY(:orders) AND method = 'bank_transfer' AND state = 'held'
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
    proven = bool(await session.scalar(_PROVEN, {"receipt": receipt_id}))
    # A joint share's last day to pay is its own; whose it has passed is overdue with the next sweep.
    less = await pay_shares(
        session,
        [ShareChange(row.payer_share_id, -row.amount_fen, 0 if proven else -row.amount_fen) for row in matches],
    )
    for row in sorted(less, key=lambda one: (one.order_id, one.id)):
        if row.payer_kind == "person" and _unpaid(row):
            await unpay(session, order_id=row.order_id, share_id=row.id, cause_id=undoing_id, day=day, now=now)
        await _money_gone(session, row, receipt_id, undoing_id, day, now)
    joint = [row for row in less if row.payer_kind != "person" and _unpaid(row)]
    await move_payment(session, order_ids=sorted({row.order_id for row in joint}), leaving="paid", to="unpaid")
    # It never settled and its money is gone: nothing waits for a person any more.
    gone = [row.order_id for row in less if row.payer_kind == "person" and row.paid_fen <= 0]
    held = (await session.scalars(_HELD, {"orders": gone})).all()
    await end_payments(session, held, of={"held"}, to="failed")
    for component_ids in (await owned_components(session, joint)).values():
        await lower(
            session, component_ids=component_ids, cause_id=undoing_id, occurred_on=day, now=now, actor_id=actor_id
        )
    return [Undone(row.id, _gone_fen(row), _unpaid(row)) for row in less]


def _gone_fen(share: Row[Any]) -> int:
    return int(share.before_fen - share.paid_fen)


def _unpaid(share: Row[Any]) -> bool:
    """It was fully paid, and is no longer."""
    return bool(share.before_fen >= share.due_fen > share.paid_fen)


async def _money_gone(
    session: WriteSession, share: Row[Any], receipt_id: UUID, undoing_id: UUID, day: date, now: datetime
) -> None:
    """Out of the bank's account: first what stands as the share's advance, the rest is owed."""
    account = account_id("advance", str(share.id))
    stands: int = (await session.execute(_ACCOUNT_STANDS, {"account": account})).scalar_one()
    from_advance = min(_gone_fen(share), max(0, stands))
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
        for account, fen in (("advance", from_advance), ("receivable", _gone_fen(share) - from_advance))
        if fen
    ]
