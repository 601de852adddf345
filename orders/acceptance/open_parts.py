"""What of an order with payer shares is still open, and what was accepted of it. The caller holds the order's lock."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.acceptance.rules import NOBODY, Group, Left, Open
from shop.core.database import WriteSession

_LINES = bindparam("lines", type_=ARRAY(Uuid))

# Accepted is what acceptances took, less what reductions took back of it.
_PARTS = """
SELECT c.line_id, s.id AS share_id, c.id AS component_id, s.payer_id AS payer_share_id, l.supplier_id, y.owns_pieces,
    c.net_fen - c.refunded_fen AS fen, c.grams - c.refunded_grams AS grams,
    c.quantity_milli - c.refunded_milli AS milli,
    coalesce(a.fen, 0)::bigint - coalesce(r.fen, 0)::bigint AS accepted_fen,
    coalesce(a.grams, 0)::bigint - coalesce(r.grams, 0)::bigint AS accepted_grams,
    coalesce(a.milli, 0)::bigint - coalesce(r.milli, 0)::bigint AS accepted_milli
FROM order_line l JOIN line_share s ON s.line_id = l.id JOIN share_component c ON c.share_id = s.id
JOIN payer_share y ON y.id = s.payer_id
LEFT JOIN LATERAL (SELECT sum(p.accepted_fen) AS fen, sum(p.accepted_grams) AS grams, sum(p.accepted_milli) AS milli
    FROM acceptance_part p WHERE p.component_id = c.id) a ON true
LEFT JOIN LATERAL (SELECT sum(p.fen) AS fen, sum(p.grams) AS grams, sum(p.quantity_milli) AS milli
    FROM reduction_part p WHERE p.component_id = c.id AND p.of_accepted) r ON true
WHERE l.id = ANY(:lines) ORDER BY l.position, s.position, c.position
"""
_COMPONENTS = text(_PARTS).bindparams(_LINES)
_OPEN_PIECES = text("""
SELECT a.line_id, CASE WHEN y.owns_pieces THEN y.id END AS payer_share_id,
    sum(coalesce(a.quantity_milli, a.pieces * 1000))::bigint AS milli
FROM allocation a JOIN payer_share y ON y.id = a.payer_share_id
WHERE a.line_id = ANY(:lines) AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = a.delivery_id)
GROUP BY 1, 2
""").bindparams(_LINES)
_ACCEPTED_PIECES = text("""
SELECT line_id, payer_share_id, sum(milli)::bigint AS milli FROM (
    SELECT a.line_id, CASE WHEN y.owns_pieces THEN y.id END AS payer_share_id, a.accepted_milli AS milli
    FROM acceptance_line a JOIN payer_share y ON y.id = a.payer_share_id WHERE a.line_id = ANY(:lines)
    UNION ALL
    SELECT line_id, nullif(payer_share_id, '00000000-0000-0000-0000-000000000000'), -quantity_milli
    FROM reduction_line WHERE line_id = ANY(:lines) AND of_accepted
    UNION ALL
    SELECT line_id, to_share_id, quantity_milli FROM reduction_line
    WHERE line_id = ANY(:lines) AND of_accepted AND to_share_id IS NOT NULL
) pieces GROUP BY 1, 2
""").bindparams(_LINES)


async def what_is_open(session: WriteSession, line_ids: Sequence[UUID]) -> dict[Group, Open]:
    """By line and owner: pieces of deliveries that nobody accepted yet, and what is left of their money."""
    return await _grouped(session, line_ids, accepted=False)


async def what_was_accepted(session: WriteSession, line_ids: Sequence[UUID]) -> dict[Group, Open]:
    """By line and owner: accepted pieces that no refund took back, and their money."""
    return await _grouped(session, line_ids, accepted=True)


async def _grouped(session: WriteSession, line_ids: Sequence[UUID], *, accepted: bool) -> dict[Group, Open]:
    named = {"lines": list(line_ids)}
    pieces = await session.execute(_ACCEPTED_PIECES if accepted else _OPEN_PIECES, named)
    found = {(row.line_id, row.payer_share_id or NOBODY): Open(row.milli) for row in pieces}
    for row in await session.execute(_COMPONENTS, named):
        group = found.setdefault((row.line_id, row.payer_share_id if row.owns_pieces else NOBODY), Open(0))
        then = (row.accepted_fen, row.accepted_grams, row.accepted_milli)
        now = then if accepted else (row.fen - then[0], row.grams - then[1], row.milli - then[2])
        group.parts.append(Left(row.line_id, row.share_id, row.component_id, row.payer_share_id, row.supplier_id, *now))
    return found
