"""Who owes what of a joint order. A branch sees only its own share."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, bindparam, text

from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids


class ShareLine(msgspec.Struct, frozen=True):
    """pieces: ordered for this payer; fen and grams: his net goods of the line, less what left again."""

    line_id: UUID
    title: str
    spec: str
    pieces: int
    paid_fen: int
    refunded_fen: int
    grams: int


class ShareDelivery(msgspec.Struct, frozen=True):
    """accepted_on: when two people accepted it; parcels: what to name when they are sent."""

    id: UUID
    position: int
    name: str | None
    region_code: str
    accepted_on: date | None
    parcels: list[UUID]
    lines: dict[str, int]


class ShareOut(msgspec.Struct, frozen=True):
    """due_fen = goods_fen + freight_fen, net of what left again; to_pay_back_fen: paid too much."""

    id: UUID
    order_id: UUID
    position: int
    payer_name: str
    payer_kind: str
    unit_id: UUID
    is_spare: bool
    transfer_code: str
    invoice_title: str
    tax_number: str | None
    terms: str
    goods_fen: int
    freight_fen: int
    due_fen: int
    paid_fen: int
    to_pay_back_fen: int
    payment_state: str
    due_on: date | None
    lines: list[ShareLine]
    deliveries: list[ShareDelivery]


@dataclass(frozen=True, slots=True)
class Shares:
    items: list[ShareOut]
    next_cursor: None = None


_PURCHASE = text("SELECT unit_id FROM bulk_purchase WHERE id = :purchase")
_SHARES = text("""
SELECT coalesce(jsonb_agg(jsonb_build_object(
    'id', y.id, 'order_id', y.order_id, 'position', y.position, 'payer_name', y.payer_name,
    'payer_kind', y.payer_kind, 'unit_id', y.unit_id, 'is_spare', y.is_spare, 'transfer_code', y.transfer_code,
    'invoice_title', y.invoice_title, 'tax_number', y.tax_number, 'terms', y.terms,
    'goods_fen', coalesce(g.fen, 0), 'freight_fen', coalesce(f.fen, 0), 'due_fen', y.due_fen, 'paid_fen', y.paid_fen,
    'to_pay_back_fen', greatest(y.paid_fen - y.due_fen, 0), 'payment_state', y.payment_state, 'due_on', y.due_on,
    'lines', coalesce(g.lines, '[]'), 'deliveries', coalesce(d.deliveries, '[]')
) ORDER BY y.order_id, y.position), '[]')::text
FROM payer_share y
LEFT JOIN LATERAL (
    SELECT sum(x.fen)::bigint AS fen, jsonb_agg(jsonb_build_object('line_id', x.id, 'title', x.title, 'spec', x.spec,
        'pieces', x.pieces, 'paid_fen', x.net_fen, 'refunded_fen', x.net_fen - x.fen, 'grams', x.grams)
        ORDER BY x.position) AS lines
    FROM (SELECT l.id, l.title, l.spec, l.position, sum(c.net_fen - c.refunded_fen)::bigint AS fen,
            sum(c.net_fen)::bigint AS net_fen, sum(c.grams - c.refunded_grams)::bigint AS grams,
            coalesce((SELECT sum(a.pieces) FROM allocation a WHERE a.line_id = l.id AND a.payer_share_id = y.id), 0)
                AS pieces
        FROM line_share s JOIN share_component c ON c.share_id = s.id JOIN order_line l ON l.id = s.line_id
        WHERE s.payer_id = y.id AND s.payer_kind = 'branch' GROUP BY l.id) x) g ON true
LEFT JOIN LATERAL (SELECT sum(fen)::bigint AS fen FROM freight_share WHERE payer_share_id = y.id) f ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('id', v.id, 'position', v.position, 'name', v.name,
        'region_code', v.region_code, 'accepted_on', (SELECT accepted_on FROM acceptance x WHERE x.delivery_id = v.id),
        'parcels', coalesce((SELECT jsonb_agg(p.id ORDER BY p.id) FROM parcel p WHERE p.delivery_id = v.id), '[]'),
        'lines', (SELECT jsonb_object_agg(a.line_id, a.pieces) FROM allocation a
            WHERE a.delivery_id = v.id AND a.payer_share_id = y.id)) ORDER BY v.position) AS deliveries
    FROM delivery v WHERE v.id IN (SELECT delivery_id FROM allocation WHERE payer_share_id = y.id)) d ON true
WHERE y.order_id IN (SELECT order_id FROM bulk_purchase WHERE id = :purchase AND order_id IS NOT NULL
        UNION SELECT order_id FROM bulk_change WHERE purchase_id = :purchase AND order_id IS NOT NULL)
    AND (CAST(:units AS uuid[]) IS NULL OR y.unit_id = ANY(:units))
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))
_decode = msgspec.json.Decoder(list[ShareOut]).decode


async def shares_of(session: ReadSession, *, actor: Actor, purchase_id: UUID, now: datetime) -> Shares:
    """Whoever sees the purchase's unit sees all shares, a branch its own. Raises NotFound for strangers."""
    unit_id = await session.scalar(_PURCHASE, {"purchase": purchase_id})
    visible = await visible_unit_ids(session, actor, Permission.BULK_READ, clock.business_day(now))
    units = None if visible is None or unit_id in visible else sorted(visible)
    found = _decode(await session.scalar(_SHARES, {"purchase": purchase_id, "units": units}) or "[]")
    if unit_id is None or (units is not None and not found):
        raise NotFound("没有这个采购计划。")
    return Shares(found)
