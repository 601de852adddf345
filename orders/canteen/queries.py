"""What kitchens have on their lists, on order, and to pay. Money in fen, amounts in milli-pieces and grams."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Uuid, bindparam, text

from catalog.campaign.entitled import asked_of
from orders.canteen.visibility import Kitchen, NoSuchCanteenOrder
from shop.core.database import ReadSession
from shop.core.paging import cursor_of, read_cursor

_CANTEENS = bindparam("canteens", type_=ARRAY(Uuid))
_ID = bindparam("id", type_=Uuid)

_LISTS: Final = text(f"""
SELECT c.id, c.canteen_id, c.name, c.version, c.changed_at, l.sku_id, l.milli, s.weighed, s.net_grams, s.spec, p.title,
    p.id AS product_id, s.active AND p.state = 'listed' AS for_sale,
    (SELECT min(q.fen) FROM price q WHERE q.sku_id = s.id AND q.min_quantity * 1000 <= l.milli + 999
        AND {asked_of("canteen", "q", ":now")}) AS unit_price_fen
FROM canteen_list c LEFT JOIN canteen_list_line l ON l.list_id = c.id
LEFT JOIN sku s ON s.id = l.sku_id LEFT JOIN product p ON p.id = s.product_id
WHERE c.canteen_id = ANY(:canteens) AND (CAST(:id AS uuid) IS NULL OR c.id = :id) ORDER BY c.name, c.id, l.position
""").bindparams(_CANTEENS, _ID, bindparam("now", type_=DateTime(timezone=True)))  # noqa: S608  # our own words
_HEAD = """
SELECT c.order_id, o.number, c.canteen_id, k.name AS canteen_name, o.state, y.payment_state, o.placed_at, c.deliver_on,
    c.supplements_id, c.credit_days, y.payer_kind, y.payer_name, y.invoice_title, y.transfer_code, y.due_fen,
    y.paid_fen, y.due_on, y.extended_on,
    a.id AS acceptance_id, a.accepted_on, a.truck_driver, a.truck_plate, a.delivery_note
FROM canteen_order c JOIN canteen k ON k.id = c.canteen_id JOIN shop_order o ON o.id = c.order_id
JOIN payer_share y ON y.order_id = c.order_id LEFT JOIN acceptance a ON a.delivery_id = c.order_id
WHERE {where}
"""
_ORDERS: Final = text(
    _HEAD.format(where="c.canteen_id = ANY(:canteens) AND (:everything OR (o.placed_at, c.order_id) < (:at, :id))")
    + "ORDER BY o.placed_at DESC, c.order_id DESC LIMIT :most"
).bindparams(_CANTEENS, _ID, bindparam("at", type_=DateTime(timezone=True)))
_OPEN: Final = text(
    _HEAD.format(where="c.canteen_id = ANY(:canteens) AND a.id IS NULL AND o.state NOT IN ('cancelled', 'expired')")
    + "ORDER BY c.deliver_on, c.order_id LIMIT 200"
).bindparams(_CANTEENS)
_DUE: Final = text(
    _HEAD.format(where="c.canteen_id = ANY(:canteens) AND y.due_on IS NOT NULL AND y.paid_fen < y.due_fen")
    + "ORDER BY y.due_on, c.order_id LIMIT 200"
).bindparams(_CANTEENS)
_ONE: Final = text(_HEAD.format(where="c.order_id = :id")).bindparams(_ID)
_LINES: Final = text("""
SELECT l.id, l.sku_id, l.product_id, l.title, l.spec, l.unit_price_fen, s.weighed, s.net_grams,
    coalesce(l.weighed_milli, l.quantity * 1000) AS ordered_milli, a.accepted_milli, a.short_milli, a.damaged_milli,
    a.refused_milli, a.reason, a.batch_number, a.best_before,
    (SELECT sum(c.net_fen)::bigint FROM share_component c WHERE c.line_id = l.id) AS net_fen,
    coalesce((SELECT jsonb_agg(jsonb_build_object('kind', p.kind, 'batch_number', p.batch_number, 'number', p.number,
        'evidence_sha256', p.evidence_sha256) ORDER BY p.added_at, p.id)
        FROM canteen_paper p WHERE p.acceptance_id = a.acceptance_id AND p.line_id = l.id), '[]') AS papers
FROM order_line l JOIN sku s ON s.id = l.sku_id LEFT JOIN acceptance_line a ON a.line_id = l.id
WHERE l.order_id = :id ORDER BY l.position
""").bindparams(_ID)


@dataclass(frozen=True, slots=True)
class ListLine:
    """grams: what is asked for, of weighed goods; unit_price_fen: a piece, or a priced weight unit, today."""

    sku_id: UUID
    product_id: UUID
    title: str
    spec: str
    weighed: bool
    net_grams: int
    milli: int
    grams: int | None
    quantity: int | None
    unit_price_fen: int | None
    for_sale: bool


@dataclass(frozen=True, slots=True)
class ListSeen:
    id: UUID
    canteen_id: UUID
    name: str
    version: int
    changed_at: datetime
    lines: list[ListLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """due_fen: what is owed for it, after acceptance for what was accepted; due_on: the last day to pay."""

    id: UUID
    number: str
    canteen_id: UUID
    canteen_name: str
    state: str
    payment_state: str
    placed_at: datetime
    deliver_on: date
    supplements_id: UUID | None
    credit_days: int
    payer_kind: str
    payer_name: str
    invoice_title: str
    transfer_code: str
    due_fen: int
    paid_fen: int
    due_on: date | None
    extended_on: date | None
    acceptance_id: UUID | None
    accepted_on: date | None
    truck_driver: str | None
    truck_plate: str | None
    delivery_note: str | None

    @property
    def open_fen(self) -> int:
        return self.due_fen - self.paid_fen


@dataclass(frozen=True, slots=True)
class PaperSeen:
    kind: str
    batch_number: str
    number: str | None
    evidence_sha256: str


@dataclass(frozen=True, slots=True)
class LineSeen:
    """Amounts in milli-pieces; accepted and the rest are null until the goods were counted."""

    id: UUID
    sku_id: UUID
    product_id: UUID
    title: str
    spec: str
    unit_price_fen: int
    weighed: bool
    net_grams: int
    ordered_milli: int
    accepted_milli: int | None
    short_milli: int | None
    damaged_milli: int | None
    refused_milli: int | None
    reason: str | None
    batch_number: str | None
    best_before: date | None
    net_fen: int
    papers: list[PaperSeen]

    def grams(self, milli: int) -> int:
        return milli * self.net_grams // 1_000


async def lists_of(
    session: ReadSession, kitchens: Sequence[Kitchen], *, now: datetime, list_id: UUID | None = None
) -> list[ListSeen]:
    """By name, with today's prices; one of them when asked for."""
    named = {"canteens": [one.id for one in kitchens], "id": list_id, "now": now}
    found: dict[UUID, ListSeen] = {}
    for row in await session.execute(_LISTS, named):
        seen = found.setdefault(row.id, ListSeen(row.id, row.canteen_id, row.name, row.version, row.changed_at))
        if row.sku_id:
            seen.lines.append(_list_line(row))
    return list(found.values())


def _list_line(row: Any) -> ListLine:
    return ListLine(
        sku_id=row.sku_id,
        product_id=row.product_id,
        title=row.title,
        spec=row.spec,
        weighed=row.weighed,
        net_grams=row.net_grams,
        milli=row.milli,
        grams=row.milli * row.net_grams // 1_000 if row.weighed else None,
        quantity=None if row.weighed else row.milli // 1_000,
        unit_price_fen=row.unit_price_fen,
        for_sale=row.for_sale,
    )


async def orders_of(
    session: ReadSession, kitchens: Sequence[Kitchen], *, limit: int, cursor: str | None = None
) -> tuple[list[OrderSeen], str | None]:
    """The newest first, and where the next page begins."""
    at, last = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    named = {
        "canteens": [one.id for one in kitchens],
        "everything": cursor is None,
        "at": at,
        "id": last,
        "most": limit + 1,
    }
    rows = [OrderSeen(*row) for row in await session.execute(_ORDERS, named)]
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_of(rows[limit - 1].placed_at, rows[limit - 1].id)


async def open_deliveries(session: ReadSession, kitchens: Sequence[Kitchen]) -> list[OrderSeen]:
    """What was ordered and not yet accepted, by day."""
    return [OrderSeen(*row) for row in await session.execute(_OPEN, {"canteens": [one.id for one in kitchens]})]


async def due_of(session: ReadSession, kitchens: Sequence[Kitchen]) -> list[OrderSeen]:
    """What was accepted and is not fully paid, the most pressing first."""
    return [OrderSeen(*row) for row in await session.execute(_DUE, {"canteens": [one.id for one in kitchens]})]


def overdue(owed: Sequence[OrderSeen], day: date) -> list[OrderSeen]:
    return [one for one in owed if one.due_on is not None and one.due_on < day]


async def order_seen(session: ReadSession, order_id: UUID) -> tuple[OrderSeen, list[LineSeen]]:
    """The caller has checked who may see it. Raises NoSuchCanteenOrder."""
    head = (await session.execute(_ONE, {"id": order_id})).one_or_none()
    if head is None:
        raise NoSuchCanteenOrder
    lines = [
        LineSeen(**dict(row) | {"papers": [PaperSeen(**paper) for paper in row["papers"]]})
        for row in (await session.execute(_LINES, {"id": order_id})).mappings()
    ]
    return OrderSeen(*head), lines
