"""The identities that money, credit and stock obey at every commit, to the fen and to the piece.

Each is one law: parts from different tables, by a key, in a left and a right sum. `apart` adds up what is wrong order
by order, SKU by SKU, so two mistakes never hide each other in a sum; `apart_by_key` names them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text

from orders.banking.proven import PROVEN
from orders.credit.check import differences
from orders.order.is_joint import IS_JOINT
from shop.core.database import ReadSession

Measure = Literal["fen", "pieces"]
KEYS_NAMED = 1_000
"""Differences of one law that are named, the largest first; their sum counts all."""


@dataclass(frozen=True, slots=True)
class Identity:
    """left = right, in `measure`, each side by its parts.

    apart: the sum of what differs, key by key; 0 when it holds.
    """

    code: str
    left: Mapping[str, int]
    right: Mapping[str, int]
    apart: int
    measure: Measure = "fen"

    @property
    def difference(self) -> int:
        """Left minus right, of the sums: it may be 0 although single keys are apart."""
        return sum(self.left.values()) - sum(self.right.values())

    @property
    def holds(self) -> bool:
        return self.apart == 0 and self.difference == 0


@dataclass(frozen=True, slots=True)
class Thing:
    """What a key is the id of. kind: as it stands in a subject (`order:…`); word: for people."""

    kind: str
    word: str


ORDER, COMPONENT, SUPPLIER = Thing("order", "订单"), Thing("component", "订单明细"), Thing("supplier", "供应商")
REFUND, SHARE, RECEIPT = Thing("refund", "退款"), Thing("share", "付款份额"), Thing("receipt", "到账流水")
SKU, ROLLUP = Thing("sku", "规格"), Thing("rollup", "汇总行")


@dataclass(frozen=True, slots=True)
class Law:
    """Σ left = Σ right for each key. parts: SQL of rows (part, key as text, fen); of: what a key is the id of."""

    code: str
    of: Thing
    left: tuple[str, ...]
    right: tuple[str, ...]
    parts: str
    measure: Measure = "fen"

    @property
    def keys(self) -> str:
        """SQL of a row for each key: its parts, and left minus right."""
        sums = ", ".join(
            f"coalesce(sum(fen) FILTER (WHERE part = '{part}'), 0)::bigint AS {part}"
            for part in (*self.left, *self.right)
        )
        left = ", ".join(f"'{part}'" for part in self.left)
        return f"""SELECT key, {sums}, sum(CASE WHEN part IN ({left}) THEN fen ELSE -fen END)::bigint AS apart
            FROM ({self.parts}) parts GROUP BY key"""  # noqa: S608  # composed of our own constants


@dataclass(frozen=True, slots=True)
class Apart:
    """A thing at which a law does not hold: `by` is left minus right. key: its id, or what a rollup's row is of."""

    law: str
    of: Thing
    key: str
    parts: Mapping[str, int]
    by: int
    measure: Measure


# What the provider holds for us: received in our currency (a held payment in another one is nobody's fen yet). An
# allowance pays as well: a union owes its part. What a kept advance pays came with an earlier payment.
_PAYMENTS = """
    SELECT order_id, received_fen AS fen FROM payment
    WHERE state IN ('succeeded', 'held') AND received_currency = 'cny' AND method NOT IN ('bank_transfer', 'advance')
    UNION ALL SELECT order_id, paid_fen FROM payer_share
    UNION ALL SELECT p.order_id, t.amount_fen FROM payment p JOIN tender t ON t.payment_id = p.id
    WHERE p.state = 'succeeded' AND t.kind = 'allowance'
    UNION ALL SELECT order_id, -amount_fen FROM refund WHERE state = 'succeeded' AND currency = 'cny'
"""
_FREIGHT = """
    SELECT p.order_id, p.supplier_id, p.freight_fen AS fen
    FROM parcel p JOIN payment y ON y.order_id = p.order_id AND y.state = 'succeeded'
    UNION ALL SELECT p.order_id, p.supplier_id, p.freight_fen
    FROM parcel p JOIN acceptance a ON a.delivery_id = p.delivery_id
    UNION ALL SELECT p.order_id, p.supplier_id, -f.fen
    FROM refund_freight f JOIN parcel p ON p.id = f.parcel_id
    JOIN refund r ON r.id = f.refund_id AND r.state = 'succeeded'
    JOIN payment y ON y.order_id = r.order_id AND y.state = 'succeeded'
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
# Pieces of orders that were paid for (or covered) and are not counted at a door by two people. One that is unpaid
# again, with its goods in the barn, is placed (or expired) once more.
_SOLD = f"""
    SELECT c.order_id, o.state, c.stock_sku_id AS sku_id, round(sum(c.quantity_milli) / 1000.0)::bigint AS pieces
    FROM share_component c JOIN shop_order o ON o.id = c.order_id
    JOIN order_event e ON e.order_id = o.id AND e.state = 'confirmed'
    WHERE o.state NOT IN ('placed', 'expired') AND NOT {IS_JOINT.format(order="o.id")}
    GROUP BY c.order_id, o.state, c.stock_sku_id
"""  # noqa: S608  # our own words

LAWS = (
    # Goods + freight at the recognition point + advances = payments + receivables, net of refunds.
    Law(
        "money", ORDER, ("goods", "freight", "advances"), ("payments", "receivables"),
        f"""SELECT 'goods' AS part, order_id::text AS key, amount_fen AS fen FROM credit_entry WHERE channel = 'shop'
            UNION ALL SELECT 'freight', order_id::text, fen FROM ({_FREIGHT}) freight
            UNION ALL SELECT 'advances', order_id::text, -fen FROM ({_LEDGER}) ledger WHERE kind = 'advance'
            UNION ALL SELECT 'payments', order_id::text, fen FROM ({_PAYMENTS}) payments
            UNION ALL SELECT 'receivables', order_id::text, fen FROM ({_LEDGER}) ledger WHERE kind = 'receivable'""",  # noqa: S608  # as above
    ),
    # Counted (credited + unverified) + not counted = recognised value, net of refunds.
    Law(
        "recognised", COMPONENT, ("credited", "unverified", "not_counted"), ("recognised",),
        """SELECT CASE WHEN NOT counted THEN 'not_counted' WHEN grade = 'D' THEN 'unverified' ELSE 'credited' END
                AS part, component_id::text AS key, amount_fen AS fen
            FROM credit_entry WHERE channel = 'shop'
            UNION ALL SELECT 'recognised', c.id::text, c.net_fen
            FROM share_component c JOIN payment y ON y.order_id = c.order_id AND y.state = 'succeeded'
            UNION ALL SELECT 'recognised', p.component_id::text, -p.fen
            FROM refund_part p JOIN refund r ON r.id = p.refund_id AND r.state = 'succeeded'
            JOIN payment y ON y.order_id = r.order_id AND y.state = 'succeeded'
            UNION ALL SELECT 'recognised', component_id::text, accepted_fen FROM acceptance_part
            UNION ALL SELECT 'recognised', component_id::text, -fen FROM reduction_part WHERE of_accepted""",
    ),
    # Goods + freight = what suppliers are owed in the funds.
    Law(
        "claims", SUPPLIER, ("goods", "freight"), ("claims",),
        f"""SELECT 'goods' AS part, supplier_id::text AS key, amount_fen AS fen FROM credit_entry
            WHERE channel = 'shop'
            UNION ALL SELECT 'freight', supplier_id::text, fen FROM ({_FREIGHT}) freight
            UNION ALL SELECT 'claims', owner, -fen FROM ({_LEDGER}) ledger WHERE kind = 'claim'""",  # noqa: S608  # as above
    ),
    # Sales made elsewhere: what was entered = what the channel stated, less what it gave back.
    Law(
        "outside", COMPONENT, ("entered",), ("stated", "returned"),
        """SELECT 'entered' AS part, component_id::text AS key, amount_fen AS fen FROM credit_entry
            WHERE channel <> 'shop'
            UNION ALL SELECT 'stated', id::text, amount_fen FROM outside_sale
            UNION ALL SELECT 'returned', sale_id::text, -amount_fen FROM outside_refund""",
    ),
    # Money of unions, kitchens, administration and party counts only where its own desk spent it: what was accepted of
    # a plan or a kitchen's order, what an allowance bore, and what was imported.
    Law(
        "own_desk", COMPONENT, ("desk_credited",), ("accepted", "allowances", "imported"),
        """SELECT 'desk_credited' AS part, component_id::text AS key, amount_fen AS fen FROM credit_entry
            WHERE fund_source <> 'personal'
            UNION ALL SELECT 'accepted', p.component_id::text, p.accepted_fen
            FROM acceptance_part p JOIN share_component c ON c.id = p.component_id
            JOIN line_share s ON s.id = c.share_id AND s.fund_source <> 'personal'
            UNION ALL SELECT 'accepted', p.component_id::text, -p.fen
            FROM reduction_part p JOIN share_component c ON c.id = p.component_id
            JOIN line_share s ON s.id = c.share_id AND s.fund_source <> 'personal' WHERE p.of_accepted
            UNION ALL SELECT 'allowances', c.id::text, c.net_fen
            FROM line_share s JOIN share_component c ON c.share_id = s.id
            JOIN payment y ON y.order_id = c.order_id AND y.state = 'succeeded' WHERE s.payer_kind = 'allowance'
            UNION ALL SELECT 'allowances', p.component_id::text, -p.fen
            FROM refund_part p JOIN refund r ON r.id = p.refund_id AND r.state = 'succeeded'
            JOIN payment y ON y.order_id = r.order_id AND y.state = 'succeeded'
            JOIN share_component c ON c.id = p.component_id
            JOIN line_share s ON s.id = c.share_id AND s.payer_kind = 'allowance'
            UNION ALL SELECT 'imported', s.id::text, s.amount_fen
            FROM outside_sale s JOIN attribution a ON a.id = s.id AND a.fund_source <> 'personal'
            UNION ALL SELECT 'imported', f.sale_id::text, -f.amount_fen
            FROM outside_refund f JOIN attribution a ON a.id = f.sale_id AND a.fund_source <> 'personal'""",
    ),
    # What the funds say stands with provider, bank and unions = payments, net of refunds.
    Law(
        "clearing", ORDER, ("clearing",), ("payments",),
        f"""SELECT 'clearing' AS part, order_id::text AS key, fen FROM ({_LEDGER}) ledger WHERE kind = 'clearing'
            UNION ALL SELECT 'payments', order_id::text, fen FROM ({_PAYMENTS}) payments""",  # noqa: S608  # as above
    ),
    # What a refund returned = what left the clearing accounts for it: once, and no more.
    Law(
        "refunds", REFUND, ("refunded",), ("posted",),
        """SELECT 'refunded' AS part, id::text AS key, amount_fen AS fen FROM refund
            WHERE state = 'succeeded' AND currency = 'cny'
            UNION ALL SELECT 'posted', t.reference::text,
                CASE WHEN t.credit_account_id = a.id THEN t.amount_fen ELSE -t.amount_fen END
            FROM refund r JOIN transfer t ON t.reference = r.id
            JOIN account a ON a.kind = 'clearing' AND a.id IN (t.debit_account_id, t.credit_account_id)""",
    ),
    # What left a component = the refunds that did not fail, what was not accepted, and later reductions.
    Law(
        "given_back", COMPONENT, ("left_it",), ("refunds", "not_accepted", "reductions"),
        """SELECT 'left_it' AS part, id::text AS key, refunded_fen AS fen FROM share_component WHERE refunded_fen <> 0
            UNION ALL SELECT 'refunds', p.component_id::text, p.fen
            FROM refund_part p JOIN refund r ON r.id = p.refund_id AND r.state <> 'failed'
            UNION ALL SELECT 'not_accepted', component_id::text, gone_fen FROM acceptance_part
            UNION ALL SELECT 'reductions', p.component_id::text, p.fen
            FROM reduction_part p JOIN reduction d ON d.id = p.reduction_id AND d.kind <> 'spare_moved'""",
    ),
    # Goods net of what left again + freight = what payers of joint orders owe in all. (A person's share stands for a
    # whole order of the shop, whose refunds lower no due of his.)
    Law(
        "shares", SHARE, ("goods", "freight"), ("due",),
        """SELECT 'due' AS part, id::text AS key, due_fen AS fen FROM payer_share WHERE payer_kind <> 'person'
            UNION ALL SELECT 'goods', y.id::text, c.net_fen - c.refunded_fen
            FROM payer_share y JOIN line_share s ON s.payer_id = y.id AND s.payer_kind = 'branch'
            JOIN share_component c ON c.share_id = s.id
            UNION ALL SELECT 'freight', payer_share_id::text, fen FROM freight_share""",
    ),
    # What a share counts as paid = bank transfers matched to it, less matches undone and what was paid back for good.
    Law(
        "transfers", SHARE, ("paid",), ("matched", "unmatched", "paid_back"),
        """SELECT 'paid' AS part, id::text AS key, paid_fen AS fen FROM payer_share WHERE paid_fen <> 0
            UNION ALL SELECT 'matched', payer_share_id::text, amount_fen FROM transfer_match
            UNION ALL SELECT 'unmatched', payer_share_id::text, -amount_fen FROM transfer_unmatch
            UNION ALL SELECT 'paid_back', payer_share_id::text, -amount_fen FROM paid_back
            UNION ALL SELECT 'paid_back', b.payer_share_id::text, b.amount_fen
            FROM came_back c JOIN paid_back b ON b.id = c.paid_back_id WHERE c.state = 'confirmed'""",
    ),
    # What of a share stands on one person's file only = its matches, not undone, of transfers that nothing proves.
    Law(
        "unproven", SHARE, ("unproven",), ("matched", "unmatched"),
        f"""SELECT 'unproven' AS part, id::text AS key, unproven_fen AS fen FROM payer_share WHERE unproven_fen <> 0
            UNION ALL SELECT 'matched', m.payer_share_id::text, m.amount_fen
            FROM transfer_match m JOIN bank_transfer t ON t.id = m.transfer_id WHERE NOT {PROVEN.format(t="t")}
            UNION ALL SELECT 'unmatched', m.payer_share_id::text, -m.amount_fen
            FROM transfer_unmatch m JOIN bank_transfer t ON t.id = m.transfer_id
            WHERE NOT {PROVEN.format(t="t")}""",  # noqa: S608  # our own constant
    ),
    # What a receipt counts as matched = its matches that were not undone.
    Law(
        "receipts", RECEIPT, ("matched",), ("shares",),
        """SELECT 'matched' AS part, id::text AS key, matched_fen AS fen FROM bank_transfer WHERE amount_fen > 0
            UNION ALL SELECT 'shares', transfer_id::text, amount_fen FROM transfer_match
            UNION ALL SELECT 'shares', transfer_id::text, -amount_fen FROM transfer_unmatch""",
    ),
    # Of orders whose deliveries are all accepted: accepted − given back = net goods.
    Law(
        "accepted", COMPONENT, ("accepted", "given_back"), ("left_over",),
        """SELECT 'left_over' AS part, c.id::text AS key, c.net_fen - c.refunded_fen AS fen
            FROM share_component c JOIN accepted_wholly o ON o.id = c.order_id
            UNION ALL SELECT 'accepted', p.component_id::text, p.accepted_fen
            FROM accepted_wholly o JOIN share_component c ON c.order_id = o.id
            JOIN acceptance_part p ON p.component_id = c.id
            UNION ALL SELECT 'given_back', p.component_id::text, -p.fen
            FROM accepted_wholly o JOIN share_component c ON c.order_id = o.id
            JOIN reduction_part p ON p.component_id = c.id AND p.of_accepted""",
    ),
    # Pieces on hand = the sum of all movements.
    Law(
        "on_hand", SKU, ("on_hand",), ("movements",),
        """SELECT 'on_hand' AS part, sku_id::text AS key, on_hand_pieces AS fen FROM stock_item
            UNION ALL SELECT 'movements', sku_id::text, pieces FROM stock_movement""",
        "pieces",
    ),
    # Pieces held = the sum of open holds.
    Law(
        "held", SKU, ("held",), ("open_holds",),
        """SELECT 'held' AS part, sku_id::text AS key, held_pieces AS fen FROM stock_item
            UNION ALL SELECT 'open_holds', sku_id::text, pieces FROM stock_hold WHERE state = 'held'""",
        "pieces",
    ),
    # Every piece has one owner: free + held + sold, less what orders have given back = what came in. Who owns what is
    # read from orders and refunds, never from the movements: a paid order owns its pieces; a cancelled one owns none;
    # of a refund `refund_goods` says which lie in the barn. Joint orders own what was delivered for acceptance.
    Law(
        "owned", SKU, ("free", "held", "sold", "put_back"), ("received",),
        f"""SELECT 'free' AS part, sku_id::text AS key, on_hand_pieces - held_pieces AS fen FROM stock_item
            UNION ALL SELECT 'held', sku_id::text, held_pieces FROM stock_item
            UNION ALL SELECT 'sold', sku_id::text, pieces FROM ({_SOLD}) sold
            UNION ALL SELECT 'sold', sku_id::text, -pieces FROM stock_movement
            WHERE kind = 'sold' AND reference LIKE 'acceptance:%'
            UNION ALL SELECT 'put_back', sku_id::text, -pieces FROM ({_SOLD}) sold WHERE state = 'cancelled'
            UNION ALL SELECT 'put_back', g.stock_sku_id::text, -g.pieces FROM refund_goods g
            JOIN refund r ON r.id = g.refund_id JOIN shop_order o ON o.id = r.order_id AND o.state <> 'cancelled'
            UNION ALL SELECT 'received', sku_id::text, pieces FROM stock_movement
            WHERE kind IN ('received', 'counted')""",  # noqa: S608  # as above
        "pieces",
    ),
)  # fmt: skip
_ACCEPTED_WHOLLY = """
WITH accepted_wholly AS (
    SELECT o.id FROM shop_order o WHERE EXISTS (SELECT FROM acceptance x WHERE x.order_id = o.id) AND NOT EXISTS (
        SELECT FROM allocation a JOIN delivery d ON d.id = a.delivery_id WHERE d.order_id = o.id
            AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id)))
"""
_ROLLUP = text("""
SELECT (SELECT coalesce(sum(sale_fen + refund_fen), 0)::bigint FROM credit_rollup) AS rollup,
    (SELECT coalesce(sum(sale_fen + refund_fen), 0)::bigint FROM credit_delta) AS deltas,
    (SELECT coalesce(sum(amount_fen), 0)::bigint FROM credit_entry) AS entries
""")


async def identities(session: ReadSession) -> list[Identity]:
    """All of them, of one moment: `session` is a snapshot (`database.snapshot()`)."""
    return [*[await _identity(session, law) for law in LAWS], await _rollup(session)]


async def apart_by_key(session: ReadSession, code: str) -> list[Apart]:
    """Where a law does not hold, the largest first. Of the same snapshot as the identities."""
    if code == "rollup":
        return await _rollup_apart(session)
    law = next(law for law in LAWS if law.code == code)
    statement = text(
        f"{_ACCEPTED_WHOLLY} SELECT * FROM ({law.keys}) keys WHERE apart <> 0 "  # noqa: S608  # our own constants
        "ORDER BY abs(apart) DESC, key LIMIT :most"
    )
    rows = (await session.execute(statement, {"most": KEYS_NAMED})).mappings()
    return [
        Apart(
            code,
            law.of,
            row["key"],
            {part: row[part] for part in (*law.left, *law.right)},
            row["apart"],
            law.measure,
        )
        for row in rows
    ]


async def _identity(session: ReadSession, law: Law) -> Identity:
    sides = law.left, law.right
    sums = ", ".join(f"coalesce(sum({part}), 0)::bigint AS {part}" for side in sides for part in side)
    statement = text(
        f"{_ACCEPTED_WHOLLY} SELECT {sums}, coalesce(sum(abs(apart)), 0)::bigint AS apart "  # noqa: S608  # as above
        f"FROM ({law.keys}) keys"
    )
    row = (await session.execute(statement)).mappings().one()
    left, right = ({part: int(row[part]) for part in side} for side in sides)
    return Identity(law.code, left, right, int(row["apart"]), law.measure)


async def _rollup(session: ReadSession) -> Identity:
    """Rollup + deltas = entries; by the rollup's key. Two statements: give it a snapshot."""
    row = (await session.execute(_ROLLUP)).one()
    return Identity(
        "rollup",
        {"rollup": row.rollup, "deltas": row.deltas},
        {"entries": row.entries},
        sum(one.parts["wrong"] for one in await _rollup_apart(session)),
    )


async def _rollup_apart(session: ReadSession) -> list[Apart]:
    return [
        Apart(
            "rollup",
            ROLLUP,
            f"{one.top_unit_id}:{one.period_month}:{one.county_code}:{one.credit_kind}:{one.standing}",
            {
                "rollup": one.rollup_sale_fen + one.rollup_refund_fen,
                "entries": one.entry_sale_fen + one.entry_refund_fen,
                "wrong": abs(one.rollup_sale_fen - one.entry_sale_fen)
                + abs(one.rollup_refund_fen - one.entry_refund_fen)
                + abs(one.rollup_quantity_milli - one.entry_quantity_milli)
                + abs(one.rollup_grams - one.entry_grams),
            },
            one.rollup_sale_fen + one.rollup_refund_fen - one.entry_sale_fen - one.entry_refund_fen,
            "fen",
        )
        for one in await differences(session)
    ]
