"""What the spending rules say about a plan as it stands, before anybody submits it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.bulk.plan.totals import proposal_of
from orders.spending.decide import decide
from orders.spending.proposal import Decision
from shop.core.database import WriteSession

_READ = text("SELECT * FROM bulk_purchase WHERE id = :purchase")
_NOTE = text("""
UPDATE bulk_purchase SET decision_id = :decision, rule_line = :line, approvers_needed = :approvers,
    notice_days = :notice_days
WHERE id = :purchase
""")


async def check(session: WriteSession, *, purchase_id: UUID, now: datetime) -> Decision:
    """Ask the rules, keep their decision, and note its sentence beside the plan. Refused or not: see `.allowed`."""
    purchase: Row[Any] = (await session.execute(_READ, {"purchase": purchase_id})).one()
    decision = await decide(session, await proposal_of(session, purchase, now=now), now=now)
    noted = {
        "purchase": purchase_id,
        "decision": decision.id,
        "line": decision.line,
        "approvers": decision.approvers_needed,
        "notice_days": decision.notice_days,
    }
    await session.execute(_NOTE, noted)
    return decision
