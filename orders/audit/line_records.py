"""All that is known of an order line: order, payment, papers, acceptance, invoice, credit. No names of buyers."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text

from shop.core.database import ReadSession

# Of what money and papers say, nothing about persons is taken: no delivery, no buyer, no payer of a private order.
_RECORDS: Final = text("""
SELECT w.id, jsonb_build_object(
    'order', (SELECT to_jsonb(o) FROM (SELECT s.id, s.number, s.state, s.payment_state, s.fund_source, s.unit_name,
        s.placed_at FROM shop_order s WHERE s.id = l.order_id) o),
    'line', (SELECT to_jsonb(x) FROM (SELECT l.id, l.position, l.title, l.spec, l.quantity, l.unit_price_fen,
        l.refunded_quantity, l.weighed_milli WHERE l.id IS NOT NULL) x),
    'outside_sale', (SELECT to_jsonb(x) FROM (SELECT DISTINCT s.channel_code, s.external_number, s.external_line,
        s.invoice_number, s.day, s.amount_fen, s.refunded_fen FROM outside_sale s WHERE s.id IN
            (SELECT a.id FROM attribution a WHERE a.order_line_id = w.id) OR s.id = w.id LIMIT 1) x),
    'payments', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.created_at), '[]') FROM (SELECT p.id, p.method,
        p.state, p.amount_fen, p.received_fen, p.provider_payment_id, p.provider_method, p.created_at, p.succeeded_at
        FROM payment p WHERE p.order_id = l.order_id) x),
    'refunds', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.requested_at), '[]') FROM (SELECT r.id, r.kind,
        r.state, r.amount_fen, r.reason, r.requested_at, r.succeeded_at FROM refund r
        WHERE r.order_id = l.order_id) x),
    'payer_shares', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.position), '[]') FROM (SELECT p.position,
        p.payer_kind, p.payer_name, p.transfer_code, p.terms, p.due_fen, p.paid_fen, p.payment_state, p.due_on
        FROM payer_share p WHERE p.order_id = l.order_id) x),
    'transfers', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.day), '[]') FROM (SELECT t.day, t.bank,
        t.serial_number, t.amount_fen, m.amount_fen AS matched_fen, m.how, m.matched_at, p.transfer_code,
        n.undone_at, tp.kind AS proof, tp.sha256 AS proof_sha256
        FROM payer_share p JOIN transfer_match m ON m.payer_share_id = p.id
        JOIN bank_transfer t ON t.id = m.transfer_id LEFT JOIN transfer_unmatch n ON n.transfer_id = m.transfer_id
            AND n.payer_share_id = m.payer_share_id AND n.round = m.round
        LEFT JOIN transfer_proof tp ON tp.transfer_id = t.id WHERE p.order_id = l.order_id) x),
    'papers', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.sha256), '[]') FROM (
        SELECT v.sha256, v.grade AS kind, v.state, v.proposed_at AS at FROM evidence_link v
        JOIN attribution a ON a.id = v.component_id WHERE a.order_line_id = w.id
        UNION SELECT c.document_sha256, 'correction', c.state, c.requested_at FROM correction c
        WHERE c.order_line_id = w.id
        UNION SELECT c.evidence_sha256, c.kind, 'kept', c.added_at FROM canteen_paper c WHERE c.line_id = w.id) x),
    'recognitions', (SELECT coalesce(jsonb_agg(to_jsonb(x)), '[]') FROM (SELECT r.number, r.issuer, r.valid_from,
        r.valid_to, r.source FROM recognition r WHERE r.product_id = l.product_id) x),
    'acceptances', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.recorded_at), '[]') FROM (SELECT a.id, a.round,
        a.accepted_on, a.recorded_at, n.expected_milli, n.accepted_milli, n.short_milli, n.damaged_milli,
        n.refused_milli, n.reason, n.best_before, n.batch_number FROM acceptance_line n
        JOIN acceptance a ON a.id = n.acceptance_id WHERE n.line_id = w.id) x),
    'invoices', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.issued_on), '[]') FROM (SELECT i.number, i.kind,
        i.issued_on, i.issuer_name, i.issuer_tax_number, i.amount_fen, i.tax_fen, i.reddened_fen,
        i.file_sha256 AS sha256 FROM invoice_request r JOIN invoice i ON i.request_id = r.id
        WHERE r.order_id = l.order_id AND r.supplier_id = l.supplier_id) x),
    'corrections', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.requested_at), '[]') FROM (SELECT c.id, c.facts,
        c.reason, c.state, c.requested_at, c.decided_at, c.decision FROM correction c
        WHERE c.order_line_id = w.id) x),
    'entries', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.recorded_at, x.id), '[]') FROM (SELECT e.id, e.kind,
        e.occurred_on, e.recorded_at, e.amount_fen, e.quantity_milli, e.grams, e.grade, e.credit_kind, e.unit_name,
        e.fund_source, e.channel, e.county_code, e.county_name, e.province, e.designations, e.producer_name,
        e.supplier_name, e.category, e.recognition_number, e.counted, e.not_counted_reason, e.reverses_id, e.late_for,
        m.seal_number FROM credit_entry e LEFT JOIN seal_member m ON m.period_month = e.period_month
        AND m.entry_id = e.id WHERE e.order_line_id = w.id) x)
) AS record, (SELECT e.person_id FROM credit_entry e WHERE e.order_line_id = w.id AND e.person_id IS NOT NULL LIMIT 1)
    AS person_id
FROM unnest(CAST(:lines AS uuid[])) WITH ORDINALITY AS w (id, place) LEFT JOIN order_line l ON l.id = w.id
ORDER BY w.place
""").bindparams(bindparam("lines", type_=ARRAY(Uuid)))
_TYPES: Final = text("SELECT sha256, media_type FROM evidence WHERE sha256 = ANY(:shas)").bindparams(
    bindparam("shas", type_=ARRAY(Text))
)


async def records_of(session: ReadSession, lines: list[UUID]) -> list[tuple[UUID, dict[str, Any], UUID | None]]:
    """(line, what is known of it, person) in the order of the lines."""
    rows = await session.execute(_RECORDS, {"lines": lines})
    return [(row.id, row.record, row.person_id) for row in rows]


async def media_types(session: ReadSession, shas: list[str]) -> dict[str, str]:
    return {row.sha256: row.media_type for row in await session.execute(_TYPES, {"shas": shas})}


def documents_of(record: dict[str, Any]) -> list[str]:
    """Digests of the files that belong to a line, each once."""
    found = [one["sha256"] for name in ("papers", "invoices") for one in record[name] if one.get("sha256")]
    return sorted(set(found))
