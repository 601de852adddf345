"""Take an invoice or a red letter that a supplier issued: checked against what was asked, its number used once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from orders.invoice.read_xml import Fields
from orders.invoice.rules import ExpectedInvoice, differences, red_differences
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id
from shop.organisation.queries import visible_unit_ids


class InvoiceRefused(Problem):
    """It is not the invoice that was asked for; each difference is one error. Nothing was kept as an invoice."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "invoice_refused"
    title: ClassVar[str] = "发票与应开内容不符"


class NumberUsed(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "invoice_number_used"
    title: ClassVar[str] = "这个发票号码已经登记过"


class NotBlue(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_a_blue_invoice"
    title: ClassVar[str] = "红字发票不能再红冲"


@dataclass(frozen=True, slots=True)
class Original:
    """The kept file, and whether its fields were read from XML or typed beside it."""

    sha256: str
    read_from: str


_REQUEST = text("""
SELECT r.id, r.order_id, r.payer_share_id, r.supplier_id, r.supplier_name, r.unit_id, r.title, r.tax_number,
    s.name AS name_now, s.credit_code
FROM invoice_request r JOIN supplier s ON s.id = r.supplier_id WHERE r.id = :request FOR UPDATE OF r
""")
# What was recognised and remains, by the credit of the payer's components, and his part of the supplier's freight. A
# person pays with own money: what an allowance bore is not his to book.
_DUE = text("""
SELECT (SELECT coalesce(sum(e.amount_fen), 0) FROM order_line l JOIN line_share h ON h.line_id = l.id
        JOIN credit_entry e ON e.order_line_id = l.id
        JOIN share_component c ON c.id = e.component_id AND c.share_id = h.id
    WHERE l.order_id = :order AND l.supplier_id = :supplier
        AND CASE WHEN CAST(:share AS uuid) IS NULL THEN h.payer_kind = 'own' ELSE h.payer_id = CAST(:share AS uuid) END
    )::bigint AS goods_fen,
    (CASE WHEN CAST(:share AS uuid) IS NULL
        THEN (SELECT coalesce(sum(p.freight_fen - p.refunded_freight_fen), 0) FROM parcel p
            WHERE p.order_id = :order AND p.supplier_id = :supplier)
        ELSE (SELECT coalesce(sum(f.fen), 0) FROM freight_share f JOIN parcel p ON p.id = f.parcel_id
            WHERE p.order_id = :order AND p.supplier_id = :supplier AND f.payer_share_id = CAST(:share AS uuid))
        END)::bigint AS freight_fen,
    (SELECT coalesce(sum(i.amount_fen), 0)::bigint FROM invoice i WHERE i.request_id = :request) AS invoiced_fen
""")
_TAKE = text("""
INSERT INTO invoice (id, request_id, kind, red_of_id, number, issued_on, issuer_name, issuer_tax_number, buyer_title,
    buyer_tax_number, amount_fen, tax_fen, reddened_fen, read_from, file_sha256, uploaded_by, uploaded_at)
VALUES (:id, :request, :kind, :red_of, :number, :issued_on, :issuer_name, :issuer_tax_number, :buyer_title,
    :buyer_tax_number, :amount_fen, :tax_fen, 0, :read_from, :sha, :actor, :now)
ON CONFLICT (number) DO NOTHING RETURNING id
""")
_REQUEST_OF = text("SELECT request_id FROM invoice WHERE id = :invoice")
_BLUE = text("SELECT id, number, kind, amount_fen - reddened_fen AS remains_fen FROM invoice WHERE id = :invoice")
_REDDEN = text("UPDATE invoice SET reddened_fen = reddened_fen + :fen WHERE id = :invoice")


async def take_invoice(
    session: WriteSession, *, actor: Actor, request_id: UUID, fields: Fields, original: Original, now: datetime
) -> UUID:
    """Register the invoice of a request. Raises NotFound out of reach, InvoiceRefused, NumberUsed."""
    request = await _request(session, actor, request_id, now)
    expected = await _expected(session, request)
    found = differences(fields, expected, today=clock.business_day(now))
    if expected.amount_fen <= 0:
        said = "已开齐，或还没有验收（付款）可以开票的货款"
        found.append(Detail("/amount_fen", "nothing_due", said))
    _refuse(found)
    return await _take(session, actor, request, fields, original, None, now)


async def take_red_letter(
    session: WriteSession, *, actor: Actor, invoice_id: UUID, fields: Fields, original: Original, now: datetime
) -> UUID:
    """Register a red letter: its own number, negative, of one blue invoice, whole or in part.

    Raises NotFound out of reach, NotBlue, InvoiceRefused, NumberUsed.
    """
    request = await _request(session, actor, await request_of(session, invoice_id), now)
    blue = (await session.execute(_BLUE, {"invoice": invoice_id})).one()
    if blue.kind != "blue":
        raise NotBlue("请选择原来的蓝字发票。")
    expected = await _expected(session, request)
    _refuse(red_differences(fields, blue.number, blue.remains_fen, expected, today=clock.business_day(now)))
    await session.execute(_REDDEN, {"invoice": invoice_id, "fen": -fields.amount_fen})
    return await _take(session, actor, request, fields, original, invoice_id, now)


async def request_of(session: ReadSession, invoice_id: UUID) -> UUID:
    """Raises NotFound."""
    found: UUID | None = await session.scalar(_REQUEST_OF, {"invoice": invoice_id})
    if found is None:
        raise NotFound("没有这张发票。")
    return found


async def must_issue(session: WriteSession, actor: Actor, request_id: UUID, now: datetime) -> None:
    """Raises NotFound for whoever may not hand in an invoice of this request."""
    await _request(session, actor, request_id, now)


async def may_issue(session: ReadSession, actor: Actor, request: Row[Any], now: datetime) -> bool:
    """The supplier itself; or staff of the payer's unit, who enter what it sent."""
    grants = actor.scopes(Permission.INVOICE_WRITE)
    if any(grant.scope_kind == "supplier" and grant.scope_id == str(request.supplier_id) for grant in grants):
        return True
    units = await visible_unit_ids(session, actor, Permission.INVOICE_WRITE, clock.business_day(now))
    return units is None or request.unit_id in units


async def _request(session: WriteSession, actor: Actor, request_id: UUID, now: datetime) -> Row[Any]:
    """Locked: two invoices for one request queue, and the second sees what the first one took."""
    request = (await session.execute(_REQUEST, {"request": request_id})).one_or_none()
    if request is None or not await may_issue(session, actor, request, now):
        raise NotFound("没有这个开票申请。")
    return request


async def _expected(session: WriteSession, request: Row[Any]) -> ExpectedInvoice:
    facts = {
        "order": request.order_id,
        "supplier": request.supplier_id,
        "share": request.payer_share_id,
        "request": request.id,
    }
    due = (await session.execute(_DUE, facts)).one()
    return ExpectedInvoice(
        title=request.title,
        tax_number=request.tax_number,
        supplier_names=frozenset({request.supplier_name, request.name_now}),
        supplier_tax_number=request.credit_code,
        amount_fen=due.goods_fen + due.freight_fen - due.invoiced_fen,
    )


def _refuse(found: Sequence[Detail]) -> None:
    if found:
        raise InvoiceRefused("；".join(one.detail for one in found) + "。", list(found))


async def _take(
    session: WriteSession,
    actor: Actor,
    request: Row[Any],
    fields: Fields,
    original: Original,
    red_of: UUID | None,
    now: datetime,
) -> UUID:
    facts = {
        "id": new_id(),
        "request": request.id,
        "kind": "red" if red_of else "blue",
        "red_of": red_of,
        "number": fields.number,
        "issued_on": fields.issued_on,
        "issuer_name": fields.issuer_name,
        "issuer_tax_number": fields.issuer_tax_number,
        "buyer_title": fields.buyer_title,
        "buyer_tax_number": fields.buyer_tax_number,
        "amount_fen": fields.amount_fen,
        "tax_fen": fields.tax_fen,
        "read_from": original.read_from,
        "sha": original.sha256,
        "actor": actor.user_id,
        "now": now,
    }
    taken: UUID | None = await session.scalar(_TAKE, facts)
    if taken is None:
        raise NumberUsed(f"发票号码 {fields.number} 只能使用一次，请核对是否重复报送。")
    await record_change(
        session,
        actor_id=actor.user_id,
        action="invoice.red_letter" if red_of else "invoice.take",
        subject=f"invoice:{taken}",
        after={"number": fields.number, "amount_fen": fields.amount_fen, "file_sha256": original.sha256},
        now=now,
    )
    return taken
