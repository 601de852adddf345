"""What is approved: one digest over everything that was decided. Any change of it is another digest."""

from hashlib import sha256
from uuid import UUID

import msgspec
from sqlalchemy import text

from shop.core.database import ReadSession

# Names of members may be erased later and say nothing about what is bought: they stay out. Long lists enter as the
# digest of their rows, made where they lie.
_CONTENT = text("""
SELECT jsonb_build_object(
    'plan', to_jsonb(p) - ARRAY['id', 'number', 'requester_id', 'idempotency_key', 'state', 'revision',
        'content_sha256', 'decision_id', 'approvers_needed', 'notice_days', 'rule_line', 'order_id', 'copied_from_id',
        'choose_until', 'choices_frozen_at', 'created_at', 'changed_at'],
    'packages', (SELECT jsonb_agg(jsonb_build_object('id', k.id, 'position', k.position, 'name', k.name,
            'is_default', k.is_default, 'is_private', k.is_private, 'lines', (
            SELECT jsonb_agg(jsonb_build_array(l.sku_id, l.pieces, l.unit_price_fen) ORDER BY l.sku_id)
            FROM bulk_package_line l WHERE l.package_id = k.id)) ORDER BY k.position)
        FROM bulk_package k WHERE k.purchase_id = p.id),
    'payers', (SELECT jsonb_agg(jsonb_build_array(y.position, y.payer_kind, y.payer_id, y.payer_name, y.unit_id,
            y.invoice_title, y.tax_number, y.weight, y.owns_spares) ORDER BY y.position)
        FROM bulk_payer y WHERE y.purchase_id = p.id),
    'sites', (SELECT jsonb_agg(jsonb_build_array(s.name, s.unit_id, s.contact_name, s.contact_phone, s.region_code,
            s.street) ORDER BY s.name) FROM bulk_site s WHERE s.purchase_id = p.id),
    'quotes', (SELECT jsonb_agg(jsonb_build_array(q.id, q.supplier_id, q.credit_code, q.total_fen, q.is_chosen,
            q.evidence_sha256) ORDER BY q.id) FROM bulk_quote q WHERE q.purchase_id = p.id),
    'cases', (SELECT jsonb_agg(jsonb_build_array(c.sku_id, c.case_pieces) ORDER BY c.sku_id) FROM bulk_case c
        WHERE c.purchase_id = p.id),
    'members', (SELECT encode(sha256(convert_to(string_agg(concat_ws(' ', m.person_id, m.unit_id,
            coalesce(m.package_id, d.id)), E'\\n' ORDER BY m.person_id), 'UTF8')), 'hex')
        FROM bulk_member m LEFT JOIN bulk_package d ON d.purchase_id = p.id AND d.is_default
        WHERE m.purchase_id = p.id),
    'recipients', (SELECT encode(sha256(convert_to(string_agg(jsonb_build_array(r.person_id, r.name, r.phone,
            r.region_code, r.street, r.unit_id, r.package_id, r.quantity)::text, E'\\n' ORDER BY r.row), 'UTF8')),
            'hex') FROM bulk_recipient r WHERE r.purchase_id = p.id)
)::text
FROM bulk_purchase p WHERE p.id = :purchase
""")


async def content_hash(session: ReadSession, purchase_id: UUID) -> str:
    """SHA-256 over canonical JSON (sorted keys) of lines, prices, addresses, payers, members' packages, budget."""
    content = msgspec.json.decode(await session.scalar(_CONTENT, {"purchase": purchase_id}))
    return sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
