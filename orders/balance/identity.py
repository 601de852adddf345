"""The identities that money, credit and stock obey at every commit, to the fen and to the piece.

Each is one statement that adds both sides from different tables. `apart` adds up what is wrong order by order, SKU by
SKU, so two mistakes never hide each other in a sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import TextClause, text

from orders.credit.check import differences
from shop.core.database import ReadSession


@dataclass(frozen=True, slots=True)
class Identity:
    """left = right, in fen (`on_hand`, `held`: in pieces), each side by its parts.

    apart: the sum of what differs, key by key; 0 when it holds.
    """

    code: str
    left: Mapping[str, int]
    right: Mapping[str, int]
    apart: int

    @property
    def difference(self) -> int:
        """Left minus right, of the sums: it may be 0 although single keys are apart."""
        return sum(self.left.values()) - sum(self.right.values())

    @property
    def holds(self) -> bool:
        return self.apart == 0 and self.difference == 0


# What the provider holds for us: received in our currency (a held payment in another one is nobody's fen yet). An
# allowance pays as well: a union owes its part.
_PAYMENTS = """
    SELECT order_id, received_fen AS fen FROM payment
    WHERE state IN ('succeeded', 'held') AND received_currency = 'cny' AND method <> 'bank_transfer'
    UNION ALL SELECT order_id, paid_fen FROM payer_share
    UNION ALL SELECT p.order_id, t.amount_fen FROM payment p JOIN tender t ON t.payment_id = p.id
    WHERE p.state = 'succeeded' AND t.kind = 'allowance'
    UNION ALL SELECT order_id, -amount_fen FROM refund WHERE state = 'succeeded'
"""
_FREIGHT = """
    SELECT p.order_id, p.supplier_id, p.freight_fen AS fen
    FROM parcel p JOIN payment y ON y.order_id = p.order_id AND y.state = 'succeeded'
    UNION ALL SELECT p.order_id, p.supplier_id, p.freight_fen
    FROM parcel p JOIN acceptance a ON a.delivery_id = p.delivery_id
    UNION ALL SELECT p.order_id, p.supplier_id, -f.fen
    FROM refund_freight f JOIN parcel p ON p.id = f.parcel_id
    JOIN refund r ON r.id = f.refund_id AND r.state = 'succeeded'
"""
# Debits are positive. A transfer refers to an order or to what moved its money; what refers to nothing stands alone,
# and shows.
_LEDGER = """
    SELECT a.kind, a.owner, coalesce(y.order_id, r.order_id, x.order_id, d.order_id, t.reference) AS order_id,
        CASE WHEN t.debit_account_id = a.id THEN t.amount_fen ELSE -t.amount_fen END AS fen
    FROM transfer t JOIN account a ON a.id IN (t.debit_account_id, t.credit_account_id)
    LEFT JOIN payment y ON y.id = t.reference LEFT JOIN refund r ON r.id = t.reference
    LEFT JOIN acceptance x ON x.id = t.reference LEFT JOIN reduction d ON d.id = t.reference
"""

_MONEY = text(f"""
WITH parts AS (
    SELECT 'goods' AS part, order_id, amount_fen AS fen FROM credit_entry WHERE channel = 'shop'
    UNION ALL SELECT 'freight', order_id, fen FROM ({_FREIGHT}) freight
    UNION ALL SELECT 'advances', order_id, -fen FROM ({_LEDGER}) ledger WHERE kind = 'advance'
    UNION ALL SELECT 'payments', order_id, fen FROM ({_PAYMENTS}) payments
    UNION ALL SELECT 'receivables', order_id, fen FROM ({_LEDGER}) ledger WHERE kind = 'receivable'
), orders AS (
    SELECT sum(fen) FILTER (WHERE part = 'goods') AS goods, sum(fen) FILTER (WHERE part = 'freight') AS freight,
        sum(fen) FILTER (WHERE part = 'advances') AS advances, sum(fen) FILTER (WHERE part = 'payments') AS payments,
        sum(fen) FILTER (WHERE part = 'receivables') AS receivables,
        sum(CASE WHEN part IN ('goods', 'freight', 'advances') THEN fen ELSE -fen END) AS apart
    FROM parts GROUP BY order_id
)
SELECT coalesce(sum(goods), 0)::bigint AS goods, coalesce(sum(freight), 0)::bigint AS freight,
    coalesce(sum(advances), 0)::bigint AS advances, coalesce(sum(payments), 0)::bigint AS payments,
    coalesce(sum(receivables), 0)::bigint AS receivables, coalesce(sum(abs(apart)), 0)::bigint AS apart
FROM orders
""")  # noqa: S608  # composed of our own constants

_RECOGNISED = text("""
WITH parts AS (
    SELECT CASE WHEN NOT counted THEN 'not_counted' WHEN grade = 'D' THEN 'unverified' ELSE 'credited' END AS part,
        component_id, amount_fen AS fen
    FROM credit_entry WHERE channel = 'shop'
    UNION ALL SELECT 'recognised', c.id, c.net_fen
    FROM share_component c JOIN payment y ON y.order_id = c.order_id AND y.state = 'succeeded'
    UNION ALL SELECT 'recognised', p.component_id, -p.fen
    FROM refund_part p JOIN refund r ON r.id = p.refund_id AND r.state = 'succeeded'
    UNION ALL SELECT 'recognised', component_id, accepted_fen FROM acceptance_part
    UNION ALL SELECT 'recognised', component_id, -fen FROM reduction_part WHERE of_accepted
), components AS (
    SELECT sum(fen) FILTER (WHERE part = 'credited') AS credited,
        sum(fen) FILTER (WHERE part = 'unverified') AS unverified,
        sum(fen) FILTER (WHERE part = 'not_counted') AS not_counted,
        sum(fen) FILTER (WHERE part = 'recognised') AS recognised,
        sum(CASE WHEN part = 'recognised' THEN -fen ELSE fen END) AS apart
    FROM parts GROUP BY component_id
)
SELECT coalesce(sum(credited), 0)::bigint AS credited, coalesce(sum(unverified), 0)::bigint AS unverified,
    coalesce(sum(not_counted), 0)::bigint AS not_counted, coalesce(sum(recognised), 0)::bigint AS recognised,
    coalesce(sum(abs(apart)), 0)::bigint AS apart
FROM components
""")

_CLAIMS = text(f"""
WITH parts AS (
    SELECT 'goods' AS part, supplier_id::text AS supplier, amount_fen AS fen FROM credit_entry WHERE channel = 'shop'
    UNION ALL SELECT 'freight', supplier_id::text, fen FROM ({_FREIGHT}) freight
    UNION ALL SELECT 'claims', owner, -fen FROM ({_LEDGER}) ledger WHERE kind = 'claim'
), suppliers AS (
    SELECT sum(fen) FILTER (WHERE part = 'goods') AS goods, sum(fen) FILTER (WHERE part = 'freight') AS freight,
        sum(fen) FILTER (WHERE part = 'claims') AS claims,
        sum(CASE WHEN part = 'claims' THEN -fen ELSE fen END) AS apart
    FROM parts GROUP BY supplier
)
SELECT coalesce(sum(goods), 0)::bigint AS goods, coalesce(sum(freight), 0)::bigint AS freight,
    coalesce(sum(claims), 0)::bigint AS claims, coalesce(sum(abs(apart)), 0)::bigint AS apart
FROM suppliers
""")  # noqa: S608  # as above

_CLEARING = text(f"""
WITH parts AS (
    SELECT 'clearing' AS part, order_id, fen FROM ({_LEDGER}) ledger WHERE kind = 'clearing'
    UNION ALL SELECT 'payments', order_id, fen FROM ({_PAYMENTS}) payments
), orders AS (
    SELECT sum(fen) FILTER (WHERE part = 'clearing') AS clearing, sum(fen) FILTER (WHERE part = 'payments') AS payments,
        sum(CASE WHEN part = 'clearing' THEN fen ELSE -fen END) AS apart
    FROM parts GROUP BY order_id
)
SELECT coalesce(sum(clearing), 0)::bigint AS clearing, coalesce(sum(payments), 0)::bigint AS payments,
    coalesce(sum(abs(apart)), 0)::bigint AS apart
FROM orders
""")  # noqa: S608  # as above

_ON_HAND = text("""
SELECT coalesce(sum(i.on_hand_pieces), 0)::bigint AS on_hand, coalesce(sum(m.pieces), 0)::bigint AS movements,
    coalesce(sum(abs(i.on_hand_pieces - coalesce(m.pieces, 0))), 0)::bigint AS apart
FROM stock_item i LEFT JOIN (SELECT sku_id, sum(pieces) AS pieces FROM stock_movement GROUP BY sku_id) m USING (sku_id)
""")

_HELD = text("""
SELECT coalesce(sum(i.held_pieces), 0)::bigint AS held, coalesce(sum(h.pieces), 0)::bigint AS open_holds,
    coalesce(sum(abs(i.held_pieces - coalesce(h.pieces, 0))), 0)::bigint AS apart
FROM stock_item i
LEFT JOIN (SELECT sku_id, sum(pieces) AS pieces FROM stock_hold WHERE state = 'held' GROUP BY sku_id) h USING (sku_id)
""")

# A person's share stands for a whole order of the shop, whose refunds lower no due of his.
_SHARES = text("""
WITH parts AS (
    SELECT 'due' AS part, id AS share_id, due_fen AS fen FROM payer_share WHERE payer_kind <> 'person'
    UNION ALL SELECT 'goods', y.id, c.net_fen - c.refunded_fen
    FROM payer_share y JOIN line_share s ON s.payer_id = y.id AND s.payer_kind = 'branch'
    JOIN share_component c ON c.share_id = s.id
    UNION ALL SELECT 'freight', payer_share_id, fen FROM freight_share
), shares AS (
    SELECT sum(fen) FILTER (WHERE part = 'goods') AS goods, sum(fen) FILTER (WHERE part = 'freight') AS freight,
        sum(fen) FILTER (WHERE part = 'due') AS due, sum(CASE WHEN part = 'due' THEN -fen ELSE fen END) AS apart
    FROM parts GROUP BY share_id
)
SELECT coalesce(sum(goods), 0)::bigint AS goods, coalesce(sum(freight), 0)::bigint AS freight,
    coalesce(sum(due), 0)::bigint AS due, coalesce(sum(abs(apart)), 0)::bigint AS apart
FROM shares
""")

_ACCEPTED = text("""
WITH whole AS (
    SELECT o.id FROM shop_order o WHERE EXISTS (SELECT FROM acceptance x WHERE x.order_id = o.id) AND NOT EXISTS (
        SELECT FROM allocation a JOIN delivery d ON d.id = a.delivery_id WHERE d.order_id = o.id
            AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id))
), parts AS (
    SELECT 'left_over' AS part, c.id AS component_id, c.net_fen - c.refunded_fen AS fen
    FROM whole o JOIN share_component c ON c.order_id = o.id
    UNION ALL SELECT 'accepted', p.component_id, p.accepted_fen
    FROM whole o JOIN share_component c ON c.order_id = o.id JOIN acceptance_part p ON p.component_id = c.id
    UNION ALL SELECT 'given_back', p.component_id, -p.fen
    FROM whole o JOIN share_component c ON c.order_id = o.id
    JOIN reduction_part p ON p.component_id = c.id AND p.of_accepted
), components AS (
    SELECT sum(fen) FILTER (WHERE part = 'left_over') AS left_over,
        sum(fen) FILTER (WHERE part = 'accepted') AS accepted,
        sum(fen) FILTER (WHERE part = 'given_back') AS given_back,
        sum(CASE WHEN part = 'left_over' THEN -fen ELSE fen END) AS apart
    FROM parts GROUP BY component_id
)
SELECT coalesce(sum(left_over), 0)::bigint AS left_over, coalesce(sum(accepted), 0)::bigint AS accepted,
    coalesce(sum(given_back), 0)::bigint AS given_back, coalesce(sum(abs(apart)), 0)::bigint AS apart
FROM components
""")

_ROLLUP = text("""
SELECT (SELECT coalesce(sum(sale_fen + refund_fen), 0)::bigint FROM credit_rollup) AS rollup,
    (SELECT coalesce(sum(sale_fen + refund_fen), 0)::bigint FROM credit_delta) AS deltas,
    (SELECT coalesce(sum(amount_fen), 0)::bigint FROM credit_entry) AS entries
""")


async def money(session: ReadSession) -> Identity:
    """Goods + freight at the recognition point + advances = payments + receivables, net of refunds; by order."""
    return await _of(session, "money", _MONEY, ("goods", "freight", "advances"), ("payments", "receivables"))


async def recognised(session: ReadSession) -> Identity:
    """Counted (credited + unverified) + not counted = recognised value, net of refunds; by share component."""
    return await _of(session, "recognised", _RECOGNISED, ("credited", "unverified", "not_counted"), ("recognised",))


async def claims(session: ReadSession) -> Identity:
    """Goods + freight = what suppliers are owed in the funds; by supplier."""
    return await _of(session, "claims", _CLAIMS, ("goods", "freight"), ("claims",))


async def clearing(session: ReadSession) -> Identity:
    """What the funds say stands with the provider = payments, net of refunds; by order."""
    return await _of(session, "clearing", _CLEARING, ("clearing",), ("payments",))


async def on_hand(session: ReadSession) -> Identity:
    """Pieces on hand = the sum of all movements; by SKU."""
    return await _of(session, "on_hand", _ON_HAND, ("on_hand",), ("movements",))


async def held(session: ReadSession) -> Identity:
    """Pieces held = the sum of open holds; by SKU."""
    return await _of(session, "held", _HELD, ("held",), ("open_holds",))


async def shares(session: ReadSession) -> Identity:
    """Goods net of what left again + freight = what payers of joint orders owe in all; by payer share."""
    return await _of(session, "shares", _SHARES, ("goods", "freight"), ("due",))


async def accepted(session: ReadSession) -> Identity:
    """Of orders whose deliveries are all accepted: accepted − given back = net goods; by share component."""
    return await _of(session, "accepted", _ACCEPTED, ("accepted", "given_back"), ("left_over",))


async def rollup(session: ReadSession) -> Identity:
    """Rollup + deltas = entries; by the rollup's key. Two statements: give it a snapshot."""
    found = await _of(session, "rollup", _ROLLUP, ("rollup", "deltas"), ("entries",))
    wrong = await differences(session)
    apart = sum(
        abs(one.rollup_sale_fen - one.entry_sale_fen)
        + abs(one.rollup_refund_fen - one.entry_refund_fen)
        + abs(one.rollup_quantity_milli - one.entry_quantity_milli)
        + abs(one.rollup_grams - one.entry_grams)
        for one in wrong
    )
    return Identity(found.code, found.left, found.right, apart)


async def identities(session: ReadSession) -> list[Identity]:
    """All of them, of one moment: `session` is a snapshot (`database.snapshot()`)."""
    return [
        await prove(session) for prove in (money, recognised, claims, clearing, shares, accepted, on_hand, held, rollup)
    ]


async def _of(
    session: ReadSession, code: str, statement: TextClause, left: tuple[str, ...], right: tuple[str, ...]
) -> Identity:
    row = (await session.execute(statement)).mappings().one()
    sides = [{part: int(row[part]) for part in side} for side in (left, right)]
    return Identity(code, sides[0], sides[1], int(row.get("apart", 0)))
