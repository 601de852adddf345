"""Money of a bank transfer reached its shares: what is owed falls, funds move, proof gets better. All or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.banking.active_match import ACTIVE
from orders.banking.proven import PROVEN
from orders.checkout.settle import CURRENCY, Paid, settle
from orders.credit.regrade import lift
from orders.funds.post import Moved, account_id, post
from orders.order.move_on import paid_by_all
from orders.order.shares import ShareChange, lock_shares, pay_shares, set_due
from shop.core.clock import SHANGHAI
from shop.core.database import WriteSession


@dataclass(frozen=True, slots=True)
class Applied:
    """So much (fen, > 0) of a transfer that came on `day` is for a share. evidence_sha256: the bank's record.

    again: the proposal that matched a transfer once more, after its first match was undone.
    """

    transfer_id: UUID
    payer_share_id: UUID
    amount_fen: int
    day: date
    evidence_sha256: str | None
    again: UUID | None = None

    @property
    def cause_id(self) -> UUID:
        """What brought the money, once."""
        return self.again or self.transfer_id


_SHARES = bindparam("shares", type_=ARRAY(Uuid))
_OWED = text("""
SELECT s.id, coalesce(sum(CASE WHEN t.debit_account_id = r.account_id THEN t.amount_fen ELSE -t.amount_fen END), 0)
    ::bigint AS owed_fen
FROM jsonb_to_recordset(CAST(:accounts AS jsonb)) AS r(share_id uuid, account_id uuid)
JOIN payer_share s ON s.id = r.share_id
LEFT JOIN transfer t ON r.account_id IN (t.debit_account_id, t.credit_account_id)
GROUP BY s.id
""")
_PROVEN = text(
    f"SELECT t.id FROM bank_transfer t WHERE t.id = ANY(:transfers) AND {PROVEN.format(t='t')}"  # noqa: S608
).bindparams(bindparam("transfers", type_=ARRAY(Uuid)))
_COMPONENTS = text("""
SELECT l.payer_id AS share_id, c.id FROM line_share l JOIN share_component c ON c.share_id = l.id
WHERE c.order_id = ANY(:orders) AND l.payer_kind = 'branch' AND l.payer_id = ANY(:shares) ORDER BY c.id
""").bindparams(_SHARES, bindparam("orders", type_=ARRAY(Uuid)))
_PAYMENTS = text("""
SELECT DISTINCT ON (p.order_id) p.order_id, p.id, p.state, p.amount_fen - coalesce(t.amount_fen, 0) AS own_fen
FROM payment p LEFT JOIN tender t ON t.payment_id = p.id AND t.kind = 'allowance'
WHERE p.order_id = ANY(:orders) AND p.method = 'bank_transfer' ORDER BY p.order_id, p.created_at DESC
""").bindparams(bindparam("orders", type_=ARRAY(Uuid)))
# The business day from which on the whole total was there, by what the bank says of each transfer; but nobody has sold
# anything before it was ordered, nor twice on one day what was taken back in between.
_SOLD_ON = text(f"""
WITH moved AS (
    SELECT t.day, m.amount_fen AS fen FROM transfer_match m JOIN bank_transfer t ON t.id = m.transfer_id
    WHERE m.payer_share_id = :share AND {ACTIVE}
    UNION ALL SELECT returned_on, -amount_fen FROM paid_back WHERE payer_share_id = :share
    UNION ALL SELECT c.settled_day, b.amount_fen FROM came_back c JOIN paid_back b ON b.id = c.paid_back_id
    WHERE b.payer_share_id = :share AND c.state = 'confirmed'
), there AS (
    SELECT day, sum(sum(fen)) OVER (ORDER BY day) AS fen FROM moved GROUP BY day
)
SELECT greatest((o.placed_at AT TIME ZONE 'Asia/Shanghai')::date, (SELECT max(e.occurred_on) FROM credit_entry e
        WHERE e.order_line_id IN (SELECT id FROM order_line WHERE order_id = o.id) AND e.kind = 'payment_undone'),
    (SELECT min(d.day) FROM there d WHERE NOT EXISTS (
        SELECT FROM there l WHERE l.day >= d.day AND l.fen < s.due_fen)))
FROM payer_share s JOIN shop_order o ON o.id = s.order_id WHERE s.id = :share
""")  # noqa: S608  # our own constant


async def settle_transfers(session: WriteSession, applied: Sequence[Applied], *, now: datetime) -> None:
    """Let money reach its shares. The caller guards that each transfer is applied once.

    A share of a joint order: what it owes for accepted goods is paid; the rest stands as its advance. A share that
    becomes fully paid by proven transfers lifts the credit of what was accepted to grade A: amount and day stay. A
    person's share: once the whole total is there, the order settles as any other payment, in grade C as long as one
    person's file is all that says so; until then the money is an advance.
    """
    shares = sorted({one.payer_share_id for one in applied})
    if not shares:
        return
    await lock_shares(session, shares)
    owed = await _owed(session, shares)
    transfers = sorted({one.transfer_id for one in applied})
    proven = set((await session.scalars(_PROVEN, {"transfers": transfers})).all())
    paid = await pay_shares(
        session,
        [
            ShareChange(
                share,
                paid_fen=sum(a.amount_fen for a in applied if a.payer_share_id == share),
                unproven_fen=sum(
                    a.amount_fen for a in applied if a.payer_share_id == share and a.transfer_id not in proven
                ),
            )
            for share in shares
        ],
    )
    by_id = {row.id: row for row in paid}
    became_paid = [row for row in paid if row.before_fen < row.due_fen <= row.paid_fen]
    persons = {row.id for row in paid if row.payer_kind == "person"}
    await post(session, _moves(applied, by_id, owed), now=now)
    await paid_by_all(session, order_ids={row.order_id for row in paid if row.id not in persons})
    last = {one.payer_share_id: one for one in applied}
    await _lift(session, [row for row in became_paid if row.id not in persons and row.proven], last, now)
    await _settle_persons(session, [row for row in became_paid if row.id in persons], last, now)


async def owned_components(session: WriteSession, shares: Sequence[Row[Any]]) -> dict[UUID, list[UUID]]:
    """The components of each of these joint shares (rows of `id` and `order_id`)."""
    components: dict[UUID, list[UUID]] = {}
    if shares:
        named = {"shares": [row.id for row in shares], "orders": sorted({row.order_id for row in shares})}
        for row in await session.execute(_COMPONENTS, named):
            components.setdefault(row.share_id, []).append(row.id)
    return components


async def _owed(session: WriteSession, shares: Sequence[UUID]) -> dict[UUID, int]:
    """What each share owes for what was accepted: the balance of its receivable."""
    accounts = [{"share_id": share, "account_id": account_id("receivable", str(share))} for share in shares]
    rows = await session.execute(_OWED, {"accounts": msgspec.json.encode(accounts).decode()})
    return {row.id: max(0, row.owed_fen) for row in rows}


def _moves(applied: Sequence[Applied], by_id: dict[UUID, Row[Any]], owed: dict[UUID, int]) -> list[Moved]:
    moves = []
    for one in applied:
        share = one.payer_share_id
        to_owed = min(one.amount_fen, owed[share])
        owed[share] -= to_owed
        for kind, account, fen in (
            ("payment", "receivable", to_owed),
            ("advance", "advance", one.amount_fen - to_owed),
        ):
            if fen:
                moves.append(
                    Moved(
                        key=f"bank:{kind}:{one.cause_id}:{share}",
                        kind=kind,
                        debit=("clearing", "bank"),
                        credit=(account, str(share)),
                        amount_fen=fen,
                        reference=by_id[share].order_id,
                        occurred_on=one.day,
                    )
                )
    return moves


async def _lift(session: WriteSession, shares: Sequence[Row[Any]], last: dict[UUID, Applied], now: datetime) -> None:
    """Paying a delivered order lifts its proof, and moves nothing else."""
    if not shares:
        return
    for share_id, component_ids in (await owned_components(session, shares)).items():
        by = last[share_id]
        await lift(
            session,
            component_ids=component_ids,
            to="A",
            cause_id=by.cause_id,
            evidence_sha256=by.evidence_sha256,
            occurred_on=by.day,
            now=now,
        )


async def _settle_persons(
    session: WriteSession, shares: Sequence[Row[Any]], last: dict[UUID, Applied], now: datetime
) -> None:
    """The whole total came: from the advance it goes where a payment's money goes. What cannot settle stays his."""
    if not shares:
        return
    rows = await session.execute(_PAYMENTS, {"orders": [row.order_id for row in shares]})
    payments = {row.order_id: row for row in rows}
    for share in sorted(shares, key=lambda row: row.order_id):
        by, payment = last[share.id], payments[share.order_id]
        if payment.state == "failed":  # what had paid it was taken back, and nothing of the order is left to pay
            continue
        sold_on: date = (await session.execute(_SOLD_ON, {"share": share.id})).scalar_one()
        freed = Moved(
            key=f"bank:applied:{by.cause_id}:{share.id}",
            kind="advance_applied",
            debit=("advance", str(share.id)),
            credit=("clearing", "bank"),
            amount_fen=payment.own_fen,
            reference=share.order_id,
            occurred_on=sold_on,
        )
        paid = Paid(
            payment_id=payment.id,
            provider_payment_id=f"bank:{by.cause_id}:{share.id}",
            amount_fen=payment.own_fen,
            currency=CURRENCY,
            method="bank_transfer",
            succeeded_at=min(now, datetime.combine(sold_on, time(12), SHANGHAI)),
            clearing="bank",
            advance=str(share.id),
            grade="A" if share.proven else "C",
        )
        await post(session, [freed], now=now)
        (settled,) = await settle(session, [paid], now=now)
        if settled.outcome != "settled":
            await set_due(session, share_id=share.id, fen=0)
