"""What was imported before that concerns a set of rows: sales, claims and refunds by their numbers and invoices."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, text

from orders.intake.row import SAME_NUMBER, SaleRow, same_key_of, same_number
from orders.intake.sort_out import Claim, Known, Sale
from shop.core.database import ReadSession
from shop.core.rows import as_rows
from shop.sheet.cells import BLANKS

_STATED = """jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(channel text, number text, line text,
    invoice text, fen bigint)"""


def _same(a: str) -> str:
    """SQL: it has the row's numbers, however they are written; `number` and `line` are made the same before."""
    number, line = (SAME_NUMBER.format(f"{a}.external_{what}") for what in ("number", "line"))
    return f"{a}.channel_code = r.channel AND {number} = r.number AND {line} = r.line"


_SAME_CLAIM = _same("c")
_CLAIMS = text(f"""
SELECT DISTINCT c.* FROM {_STATED}
JOIN intake_claim c ON {_SAME_CLAIM}
""")  # noqa: S608  # our own constant
_SALES = text(f"""
WITH requested AS (
    SELECT s.id FROM {_STATED} JOIN outside_sale s ON {_same("s")}
    UNION SELECT c.sale_id FROM {_STATED} JOIN intake_claim c ON {_SAME_CLAIM}
    UNION SELECT s.id FROM {_STATED} JOIN outside_sale s
        ON s.invoice_number = r.invoice AND s.amount_fen = r.fen
    UNION SELECT s.id FROM (SELECT DISTINCT channel, number FROM {_STATED}) r JOIN outside_sale s
        ON s.channel_code = r.channel AND {SAME_NUMBER.format("s.external_number")} = r.number
)
SELECT s.*, u.name AS unit_name,
    coalesce((SELECT coalesce(i.cells->>'line', '') = ANY(:blanks) FROM intake_row i WHERE i.id = s.row_id), false)
        AS whole,
    coalesce((SELECT array_agg(c.first_unit_id) FROM intake_claim c
        WHERE c.sale_id = s.id AND c.state = 'later'), '{{}}') AS former
FROM requested w JOIN outside_sale s ON s.id = w.id JOIN unit u ON u.id = s.unit_id ORDER BY s.id
""").bindparams(bindparam("blanks", sorted(BLANKS), type_=ARRAY(Text)))  # noqa: S608  # as above
_REFUNDS = text("""
SELECT f.sale_id, f.channel_code, f.refund_number, f.amount_fen
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid) JOIN outside_refund f ON f.sale_id = r.id
""")
_HELD = text("""
SELECT w.claim_id, w.refund_number FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid)
JOIN intake_row w ON w.claim_id = r.id
WHERE w.type = 'refund' AND w.state = 'held'
    AND EXISTS (SELECT FROM intake_batch b WHERE b.id = w.batch_id AND b.state = 'confirmed')
""")


async def remember(session: ReadSession, rows: Sequence[SaleRow]) -> Known:
    """Read now; who will write by it holds the desk (`hold_desk`)."""
    stated = as_rows(_stated(row) for row in rows if not row.mistakes)
    claims = (await session.execute(_CLAIMS, {"rows": stated})).all()
    sales = (await session.execute(_SALES, {"rows": stated})).all()
    refunds = await session.execute(_REFUNDS, {"rows": as_rows({"id": str(one.id)} for one in sales)})
    held = await session.execute(_HELD, {"rows": as_rows({"id": str(one.id)} for one in claims)})
    return Known(
        sales={
            one.id: Sale(
                id=one.id,
                key=(one.channel_code, one.external_number, one.external_line),
                unit_id=one.unit_id,
                day=one.day,
                amount_fen=one.amount_fen,
                left_fen=one.amount_fen - one.refunded_fen,
                left_grams=one.grams - one.refunded_grams,
                left_milli=one.quantity_milli - one.refunded_milli,
                invoice_number=one.invoice_number,
                former=frozenset(one.former),
                whole=one.whole,
            )
            for one in sales
        },
        claims={
            (same_key_of((one.channel_code, one.external_number, one.external_line)), one.unit_id): Claim(
                one.id, one.sale_id, one.state, one.amount_fen
            )
            for one in claims
        },
        refunds={(one.sale_id, one.channel_code, same_number(one.refund_number)): one.amount_fen for one in refunds},
        held={(one.claim_id, same_number(one.refund_number)) for one in held},
        unit_names={one.unit_id: one.unit_name for one in sales},
    )


def _stated(row: SaleRow) -> dict[str, Any]:
    channel, number, line = row.same_key
    return {
        "channel": channel,
        "number": number,
        "line": line,
        "invoice": row.invoice_number,
        "fen": row.amount_fen,
    }
