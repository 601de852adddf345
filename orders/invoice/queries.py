"""Requests and what came for them, as far as a caller may see."""

from datetime import date, datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.invoice.schemas import RequestOut
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids

_REQUESTS = """
SELECT coalesce(jsonb_agg(to_jsonb(found) ORDER BY requested_at DESC, id DESC), '[]')::text FROM (
    SELECT r.id, r.order_id, o.number AS order_number, r.payer_share_id, r.supplier_id, r.supplier_name, r.title,
        r.tax_number, r.requested_at,
        (SELECT coalesce(sum(e.amount_fen), 0) FROM order_line l JOIN line_share h ON h.line_id = l.id
            JOIN credit_entry e ON e.order_line_id = l.id
            JOIN share_component c ON c.id = e.component_id AND c.share_id = h.id
            WHERE l.order_id = r.order_id AND l.supplier_id = r.supplier_id
                AND CASE WHEN r.payer_share_id IS NULL THEN h.payer_kind = 'own' ELSE h.payer_id = r.payer_share_id END)
        + CASE WHEN r.payer_share_id IS NULL
            THEN (SELECT coalesce(sum(p.freight_fen - p.refunded_freight_fen), 0) FROM parcel p
                WHERE p.order_id = r.order_id AND p.supplier_id = r.supplier_id)
            ELSE (SELECT coalesce(sum(f.fen), 0) FROM freight_share f JOIN parcel p ON p.id = f.parcel_id
                WHERE p.order_id = r.order_id AND p.supplier_id = r.supplier_id
                    AND f.payer_share_id = r.payer_share_id) END AS due_fen,
        (SELECT coalesce(sum(i.amount_fen), 0) FROM invoice i WHERE i.request_id = r.id) AS invoiced_fen,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'kind', i.kind, 'red_of_id', i.red_of_id,
            'number', i.number, 'issued_on', i.issued_on, 'amount_fen', i.amount_fen, 'tax_fen', i.tax_fen,
            'remains_fen', greatest(i.amount_fen - i.reddened_fen, 0), 'file_sha256', i.file_sha256,
            'read_from', i.read_from) ORDER BY i.uploaded_at, i.id), '[]')
            FROM invoice i WHERE i.request_id = r.id) AS invoices
    FROM invoice_request r JOIN shop_order o ON o.id = r.order_id
"""
_VISIBLE = "(:all OR r.unit_id = ANY(:units) OR r.supplier_id = ANY(:suppliers) OR o.buyer_id = :actor)"
_PARAMETERS = bindparam("units", type_=ARRAY(Uuid)), bindparam("suppliers", type_=ARRAY(Uuid))
_LIST = text(f"""{_REQUESTS} WHERE {_VISIBLE} AND (CAST(:order AS uuid) IS NULL OR r.order_id = CAST(:order AS uuid))
        AND (CAST(:at AS timestamptz) IS NULL OR (r.requested_at, r.id) < (:at, CAST(:id AS uuid)))
    ORDER BY r.requested_at DESC, r.id DESC LIMIT :limit) found
""").bindparams(*_PARAMETERS)  # our own constants
_SOME = text(f"{_REQUESTS} WHERE r.id = ANY(:ids)) found").bindparams(bindparam("ids", type_=ARRAY(Uuid)))
_ORIGINAL = text(f"""
SELECT i.file_sha256 FROM invoice i JOIN invoice_request r ON r.id = i.request_id
JOIN shop_order o ON o.id = r.order_id WHERE i.id = :invoice AND {_VISIBLE}
""").bindparams(*_PARAMETERS)  # noqa: S608  # as above
_UNIT = text("SELECT unit_id, supplier_id FROM invoice_request WHERE id = :request")
_requests = TypeAdapter(list[RequestOut]).validate_json


async def requests_seen_by(
    session: ReadSession,
    actor: Actor,
    *,
    day: date,
    limit: int,
    cursor: str | None = None,
    order_id: UUID | None = None,
) -> tuple[list[RequestOut], str | None]:
    """The newest first: a supplier's own, those of the actor's units, and of the actor's own orders."""
    at, last = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    facts = await _visible(session, actor, day)
    found = _requests(
        (
            await session.execute(_LIST, facts | {"order": order_id, "at": at, "id": last, "limit": limit + 1})
        ).scalar_one()
    )
    shown = found[:limit]
    more = len(found) > limit
    return shown, cursor_of(shown[-1].requested_at, shown[-1].id) if more else None


async def requests_named(session: ReadSession, ids: list[UUID]) -> list[RequestOut]:
    """Of requests that the caller was allowed to make."""
    return _requests((await session.execute(_SOME, {"ids": ids})).scalar_one())


async def original_seen_by(session: ReadSession, actor: Actor, invoice_id: UUID, *, day: date) -> str:
    """The digest of an invoice's original. Raises NotFound for strangers."""
    facts = await _visible(session, actor, day)
    sha: str | None = await session.scalar(_ORIGINAL, facts | {"invoice": invoice_id})
    if sha is None:
        raise NotFound("没有这张发票。")
    return sha


async def unit_of_request(session: ReadSession, request_id: UUID) -> UUID | None:
    """The payer's unit, whose people may see the original. Raises NotFound."""
    row = (await session.execute(_UNIT, {"request": request_id})).one_or_none()
    if row is None:
        raise NotFound("没有这个开票申请。")
    unit_id: UUID | None = row.unit_id
    return unit_id


async def _visible(session: ReadSession, actor: Actor, day: date) -> dict[str, object]:
    units = await visible_unit_ids(session, actor, Permission.INVOICE_READ, day)
    grants = actor.scopes(Permission.INVOICE_READ)
    suppliers = [UUID(grant.scope_id) for grant in grants if grant.scope_kind == "supplier"]
    return {"all": units is None, "units": sorted(units or ()), "suppliers": suppliers, "actor": actor.user_id}
