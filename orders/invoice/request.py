"""Ask the suppliers of an order for their invoices: per payer share, or of a person's order for all of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.invoice.rules import PRIVATE, alike, is_tax_number
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, Invalid, NotFound, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.organisation.queries import visible_unit_ids


class UnitTitleRefused(Problem):
    """A person's order is paid with a person's money: no unit may book it."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "unit_title_refused"
    title: ClassVar[str] = "个人订单不能开单位抬头"


class NotYetDue(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "invoice_not_due"
    title: ClassVar[str] = "还不能申请发票"


class TaxNumberMissing(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "tax_number_missing"
    title: ClassVar[str] = "单位抬头需要税号"


_ORDER = text("""
SELECT o.id, o.buyer_id, o.unit_id, o.fund_source, o.payment_state, p.name AS buyer_name FROM shop_order o
LEFT JOIN person p ON p.id = o.person_id WHERE o.id = :order FOR SHARE OF o
""")
_SHARES = text("""
SELECT id, payer_kind, unit_id, invoice_title, tax_number FROM payer_share
WHERE order_id = :order AND payer_kind <> 'person' ORDER BY position
""")
_SUPPLIERS = text("""
SELECT DISTINCT p.supplier_id, p.supplier_name, f.payer_share_id
FROM parcel p LEFT JOIN freight_share f ON f.parcel_id = p.id AND f.payer_share_id = ANY(:shares)
WHERE p.order_id = :order
""").bindparams(bindparam("shares", type_=ARRAY(Uuid)))
_OF_SHARES = text("""
SELECT DISTINCT s.payer_id AS share_id, l.supplier_id FROM line_share s JOIN order_line l ON l.id = s.line_id
WHERE l.order_id = :order AND s.payer_kind = 'branch' AND s.payer_id = ANY(:shares)
""").bindparams(bindparam("shares", type_=ARRAY(Uuid)))
_REQUEST = text("""
INSERT INTO invoice_request (id, order_id, payer_share_id, supplier_id, supplier_name, unit_id, title, tax_number,
    requested_by, requested_at)
SELECT r.id, :order, r.share_id, r.supplier_id, r.supplier_name, r.unit_id, r.title, r.tax_number, :actor, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, share_id uuid, supplier_id uuid, supplier_name text,
    unit_id uuid, title text, tax_number text)
ON CONFLICT DO NOTHING
""")
_REQUESTED = text("""
SELECT id FROM invoice_request WHERE order_id = :order
    AND (payer_share_id = ANY(:shares) OR (payer_share_id IS NULL AND :private)) ORDER BY id
""").bindparams(bindparam("shares", type_=ARRAY(Uuid)))


async def request_invoices(
    session: WriteSession,
    *,
    actor: Actor,
    order_id: UUID,
    share_ids: Sequence[UUID] | None,
    title: str | None,
    tax_number: str | None,
    now: datetime,
) -> list[UUID]:
    """Requests of the shares in the actor's reach (all, or those named), one a supplier; asked before: the same.

    title, tax_number: of a person's order only, and never a unit's; of a share, only a tax number that it lacks.
    Raises NotFound to strangers, UnitTitleRefused, TaxNumberMissing, NotYetDue, Invalid.
    """
    order = (await session.execute(_ORDER, {"order": order_id})).one_or_none()
    if order is None:
        raise NotFound("没有这个订单。")
    if tax_number is not None and not is_tax_number(tax_number):
        said = f"“{tax_number}”不是有效的统一社会信用代码（18 位）"
        raise Invalid(f"{said}。", [Detail("/tax_number", "tax_number_invalid", said)])
    shares = (await session.execute(_SHARES, {"order": order_id})).all()
    suppliers = {
        row.supplier_id: row.supplier_name
        for row in await session.execute(_SUPPLIERS, {"order": order_id, "shares": []})
    }
    facts = {"order": order_id, "actor": actor.user_id, "now": now}
    if not shares:
        if order.buyer_id != actor.user_id:
            raise NotFound("没有这个订单。")
        if order.payment_state != "paid":
            raise NotYetDue("付款成功后再申请发票。")
        whom = _private_title(title, tax_number, order.buyer_name)
        rows = [_row(None, one, name, order.unit_id, whom, None) for one, name in suppliers.items()]
        await session.execute(_REQUEST, facts | {"rows": as_rows(rows)})
        return list(await session.scalars(_REQUESTED, {"order": order_id, "shares": [], "private": True}))
    units = await visible_unit_ids(session, actor, Permission.INVOICE_WRITE, clock.business_day(now))
    mine = [s for s in shares if order.buyer_id == actor.user_id or units is None or s.unit_id in units]
    chosen = [share for share in mine if share_ids is None or share.id in share_ids]
    if not chosen or (share_ids is not None and len(chosen) < len(set(share_ids))):
        raise NotFound("没有这个付款份额。")
    if title is not None:
        raise Invalid("抬头以付款份额登记的为准。", [Detail("/title", "title_of_share", "抬头以付款份额登记的为准")])
    if any(not (share.tax_number or tax_number) for share in chosen):
        raise TaxNumberMissing("请补填付款单位的统一社会信用代码。")
    of_shares = await session.execute(_OF_SHARES, {"order": order_id, "shares": [share.id for share in chosen]})
    by_share = {share.id: share for share in chosen}
    rows = [
        _row(
            row.share_id,
            row.supplier_id,
            suppliers[row.supplier_id],
            by_share[row.share_id].unit_id,
            by_share[row.share_id].invoice_title,
            by_share[row.share_id].tax_number or tax_number,
        )
        for row in of_shares
    ]
    await session.execute(_REQUEST, facts | {"rows": as_rows(rows)})
    found = {"order": order_id, "shares": [share.id for share in chosen], "private": False}
    return list(await session.scalars(_REQUESTED, found))


def _private_title(title: str | None, tax_number: str | None, buyer_name: str | None) -> str:
    """个人, or the buyer's own name."""
    own = {alike(PRIVATE), alike(buyer_name or PRIVATE)}
    if tax_number is not None or (title is not None and alike(title) not in own):
        said = "个人订单只能开“个人”或本人姓名，不带税号"
        where = "/tax_number" if tax_number is not None else "/title"
        raise UnitTitleRefused(f"{said}。单位付款请走工会采购或食堂采购。", [Detail(where, "unit_title_refused", said)])
    return title or PRIVATE


def _row(
    share_id: UUID | None, supplier_id: UUID, supplier_name: str, unit_id: UUID | None, title: str, tax: str | None
) -> dict[str, object]:
    return {
        "id": new_id(),
        "share_id": share_id,
        "supplier_id": supplier_id,
        "supplier_name": supplier_name,
        "unit_id": unit_id,
        "title": title,
        "tax_number": tax,
    }
