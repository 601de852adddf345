"""Late joiners: an approved change becomes a further order of their default packages, on the same terms."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.bulk.approval.submit import refusal
from orders.bulk.change.change_order import ApprovedChange
from orders.bulk.joint.demand import further
from orders.bulk.joint.place import write_order
from orders.bulk.plan.totals import proposal_of
from orders.spending.decide import decide
from orders.spending.take_caps import take_caps
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.rows import as_rows
from shop.core.window import in_force

_PURCHASE = text("SELECT * FROM bulk_purchase WHERE id = :purchase")
_JOIN = text(f"""
INSERT INTO bulk_member (purchase_id, person_id, position, name, unit_id, department, package_id, chosen_by, chosen_at)
SELECT :purchase, r.person_id, n.last + 1 + r.index, p.name, m.unit_id, '补充人员', d.id, 'default', :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(index int, person_id uuid)
JOIN person p ON p.id = r.person_id
JOIN membership m ON m.person_id = p.id AND {in_force("m", ":day")}
JOIN bulk_package d ON d.purchase_id = :purchase AND d.is_default
CROSS JOIN (SELECT coalesce(max(position), -1) AS last FROM bulk_member WHERE purchase_id = :purchase) n
""")  # noqa: S608  # our own words
_COUNTS = text("""
SELECT m.unit_id, d.id AS package_id, count(*) AS members FROM bulk_member m
JOIN bulk_package d ON d.purchase_id = m.purchase_id AND d.is_default
WHERE m.purchase_id = :purchase AND m.person_id = ANY(ARRAY(SELECT r.person_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(person_id uuid))) GROUP BY 1, 2 ORDER BY 1
""")


async def join_late(session: WriteSession, actor: Actor, change: ApprovedChange, now: datetime) -> UUID | None:
    """Members, caps, order, shares and stock in one transaction. Who approved the change may not accept its goods.

    The rules are asked about the joiners alone, on the day of the approval; their goods go to their branch's site.
    Raises SpendingRefused, CapExceeded, and as `place`, OverBudget among them.
    """
    day = clock.business_day(now)
    purchase = (await session.execute(_PURCHASE, {"purchase": change.purchase_id})).one()
    rows = as_rows({"person_id": str(person)} for person in change.terms["person_ids"])
    named = {"purchase": purchase.id, "rows": rows}
    await session.execute(_JOIN, named | {"day": day, "now": now})
    await _within_caps(session, actor, purchase, change, now)
    counts = (await session.execute(_COUNTS, named)).all()
    requested = await further(session, purchase, counts, day=day)
    key = f"bulk-change:{change.id}"
    return await write_order(session, purchase, requested, approver_id=actor.user_id, key=key, now=now)


async def _within_caps(
    session: WriteSession, actor: Actor, purchase: Row[Any], change: ApprovedChange, now: datetime
) -> None:
    """A decision of their own, whose caps are taken like those of the plan."""
    whole = await proposal_of(session, purchase, now=now)
    joined = {UUID(str(person)) for person in change.terms["person_ids"]}
    portions = [one for one in whole.portions if one.person_id in joined]
    theirs = replace(
        whole,
        portions=portions,
        total_fen=sum(one.fen for one in portions),
        assisted_fen=sum(one.assisted_fen for one in portions),
    )
    decision = await decide(session, theirs, now=now)
    if not decision.allowed:
        raise refusal(decision)
    await take_caps(session, decision.id, now=now)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.caps_taken",
        subject=f"bulk_purchase:{purchase.id}",
        after={"change_id": str(change.id), "decision_id": str(decision.id), "people": len(portions)},
        now=now,
    )
