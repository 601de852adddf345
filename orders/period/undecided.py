"""What of a top unit was still undecided when its month closed: counted, so that nobody can say he did not know."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.month.models import SHOP
from orders.month.shut import TOP_UNIT
from orders.payment_desk.waiting import WAITING
from shop.core import clock
from shop.core.database import ReadSession
from shop.organisation.queries import units_below

_OF_IT = f"{TOP_UNIT.format('a.')} = :unit"
# An order is the unit's where a part of it will be credited under it; what has no frozen facts, by today's desk.
_ITS_ORDER = f"""EXISTS (SELECT FROM share_component c JOIN attribution a ON a.id = c.id
        WHERE c.order_id = {{0}}.order_id AND {_OF_IT})"""  # our own constants, here and below
_HELD = "SELECT FROM attribution n WHERE n.corrects_id = a.id"
_UNDECIDED = text(f"""
SELECT
    (SELECT count(*) FROM correction c WHERE state = 'requested' AND EXISTS (
        SELECT FROM correction_part p JOIN attribution a ON a.id = p.corrects_id
        WHERE p.correction_id = c.id AND {_OF_IT})) AS corrections_requested,
    (SELECT count(*) FROM evidence_link l WHERE state = 'proposed' AND EXISTS (
        SELECT FROM attribution a WHERE (a.id = l.component_id OR a.component_id = l.component_id)
            AND NOT EXISTS ({_HELD}) AND {_OF_IT})) AS evidence_unchecked,
    (SELECT count(*) FROM ({WAITING}) w WHERE what = 'held'
        AND (since AT TIME ZONE 'Asia/Shanghai')::date < :ends AND {_ITS_ORDER.format("w")}) AS payments_held,
    (SELECT count(*) FROM refund r WHERE state IN ('requested', 'submitted')
        AND (requested_at AT TIME ZONE 'Asia/Shanghai')::date < :ends AND {_ITS_ORDER.format("r")})
        AS refunds_on_their_way,
    (SELECT count(*) FROM bank_transfer t JOIN bank_statement s ON s.id = t.statement_id
        WHERE t.state IN ('queued', 'proposed') AND t.day < :ends AND coalesce(s.unit_id, :shop) = ANY(:units))
        AS transfers_unmatched,
    (SELECT count(*) FROM bank_statement s WHERE s.state = 'imported' AND coalesce(s.unit_id, :shop) = ANY(:units)
        AND EXISTS (SELECT FROM bank_statement_row r WHERE r.statement_id = s.id AND r.day < :ends))
        AS statements_unconfirmed,
    (SELECT count(*) FROM filing f JOIN filing_round r ON r.id = f.round_id
        WHERE f.state <> 'signed' AND r.month <= :month AND r.unit_id = :unit) AS filings_unsigned,
    (SELECT count(*) FROM intake_claim c JOIN outside_sale s ON s.id = c.sale_id
        WHERE c.state = 'open' AND (c.unit_id = ANY(:units) OR s.unit_id = ANY(:units))) AS claims_undecided
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # our own words


async def undecided(session: ReadSession, unit_id: UUID, month: int) -> dict[str, int]:
    """Of the month and of those before it, by kind. unit_id: a top unit, or `SHOP`: what counts for no unit."""
    ends = clock.first_of(clock.add_months(month, 1))
    units = [SHOP] if unit_id == SHOP else await units_below(session, unit_id, ends - timedelta(days=1))
    facts = {"unit": unit_id, "shop": SHOP, "units": units, "ends": ends, "month": month}
    return dict((await session.execute(_UNDECIDED, facts)).mappings().one())
