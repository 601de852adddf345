"""Change a plan. Whatever changes its content after it was submitted voids every approval of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, bindparam, text

from orders.budget.encumber import release
from orders.bulk.move_on import move_on
from orders.bulk.plan.check import check
from orders.bulk.plan.create import contradiction
from orders.bulk.plan.schemas import PayerIn, PlanPatch
from orders.bulk.plan.set_members import set_members
from orders.bulk.plan.set_packages import set_packages
from orders.bulk.plan.set_payers import set_payers, set_sites, weigh
from orders.bulk.problems import STATE_WORDS, ApprovalStale, PlanInvalid, WrongState
from orders.bulk.states import OPEN_TO_CHANGE
from orders.bulk.visibility import purchase_for
from orders.evidence.cite import cited
from orders.spending.release_caps import release_caps
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession

_COLUMNS = (
    "title", "purpose", "festival", "fund_source", "fiscal_year", "budget_fen", "members_as_of", "procurement",
    "directed_reason", "directed_minutes_sha256", "reference_price_fen", "terms", "deliver_to", "shared_by",
    "spare_pieces", "choose_until", "ship_on",
)  # fmt: skip
_NEVER_BLANK = frozenset(_COLUMNS) - {
    "festival", "directed_reason", "directed_minutes_sha256", "reference_price_fen", "choose_until",
}  # fmt: skip
_WRITE = text(
    f"UPDATE bulk_purchase SET {', '.join(f'{name} = :{name}' for name in _COLUMNS)} WHERE id = :id RETURNING *"  # noqa: S608  # our own names of columns
)
_NEW_REVISION = text("""
WITH before AS (SELECT id, state, decision_id FROM bulk_purchase WHERE id = :purchase FOR NO KEY UPDATE)
UPDATE bulk_purchase p SET revision = revision + 1, content_sha256 = NULL, decision_id = NULL, rule_line = NULL,
    approvers_needed = NULL, notice_days = NULL, changed_at = :now
FROM before b WHERE p.id = b.id AND b.state = ANY(:open)
RETURNING p.revision, b.state, b.decision_id,
    EXISTS (SELECT FROM bulk_quote q WHERE q.purchase_id = p.id) AS quoted
""").bindparams(bindparam("open", type_=ARRAY(Text)))
_STATE = text("SELECT state FROM bulk_purchase WHERE id = :purchase")
_MEMBERS = text("SELECT count(*) FROM bulk_member WHERE purchase_id = :purchase")
_PAYERS = text("""
SELECT unit_id, payer_kind, payer_id, invoice_title, tax_number, weight, owns_spares FROM bulk_payer
WHERE purchase_id = :purchase ORDER BY position
""")


async def change_plan(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, patch: PlanPatch, now: datetime
) -> None:
    """Write what is named in the patch; lists are replaced whole. Nothing named changes nothing.

    Raises NotFound, EvidenceUnknown, ApprovalStale (another revision than `patch.revision`), WrongState, PlanInvalid,
    and what laying packages, payers, sites and members raises.
    """
    purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    if patch.revision is not None and patch.revision != purchase.revision:
        raise ApprovalStale("计划刚刚有改动，请重新打开，核对后再改。")
    named = patch.model_fields_set - {"revision"}
    if not named:
        return
    if blank := sorted(name for name in named & _NEVER_BLANK if getattr(patch, name) is None):
        raise PlanInvalid(f"{blank[0]} 不能为空。")
    if "directed_minutes_sha256" in named:
        day = clock.business_day(now)
        await cited(session, actor, patch.directed_minutes_sha256, field="directed_minutes_sha256", day=day)
    await content_changed(session, purchase_id=purchase_id, actor_id=actor.user_id, now=now, reason="修改采购计划")
    facts = {name: getattr(patch if name in named else purchase, name) for name in _COLUMNS}
    if trouble := contradiction(facts, now=now):
        raise PlanInvalid(trouble.detail, [trouble])
    changed = (await session.execute(_WRITE, facts | {"id": purchase_id})).one()
    await _set_parts(session, changed, patch, named, now)
    await check(session, purchase_id=purchase_id, now=now)


async def content_changed(
    session: WriteSession, *, purchase_id: UUID, actor_id: UUID | None, now: datetime, reason: str
) -> int:
    """Say that the content is another one now; returns its revision. Approvals, money and caps of the old one fall.

    Every verb that changes lines, members' packages, recipients, payers, quotes or addresses calls this in its
    transaction. Raises WrongState once the goods are ordered.
    """
    found = await session.execute(_NEW_REVISION, {"purchase": purchase_id, "now": now, "open": sorted(OPEN_TO_CHANGE)})
    before = found.one_or_none()
    if before is None:
        state = await session.scalar(_STATE, {"purchase": purchase_id})
        raise WrongState(
            f"采购现在是“{STATE_WORDS[str(state)]}”，内容不能再改；下单之后请用变更单。", extra={"state": state}
        )
    revision: int = before.revision
    if before.state not in {"draft", "quoting"}:
        await give_up(session, purchase_id=purchase_id, decision_id=before.decision_id, now=now)
        back_to = "quoting" if before.quoted else "draft"
        await move_on(session, purchase_id=purchase_id, to=back_to, actor_id=actor_id, now=now, reason=reason)
    return revision


async def give_up(session: WriteSession, *, purchase_id: UUID, decision_id: UUID | None, now: datetime) -> None:
    """What a submitted plan had taken goes back: its part of the budget, its members' caps."""
    await release(session, purchase_id=purchase_id, now=now)
    if decision_id is not None:
        await release_caps(session, decision_id, now=now)


async def _set_parts(
    session: WriteSession, purchase: Row[Any], patch: PlanPatch, named: set[str], now: datetime
) -> None:
    if named & {"members_as_of", "person_ids", "purpose"}:
        await set_members(
            session,
            purchase_id=purchase.id,
            union_id=purchase.union_id,
            day=purchase.members_as_of,
            purpose=purchase.purpose,
            person_ids=patch.person_ids,
        )
    if patch.packages is not None:
        members = await session.scalar(_MEMBERS, {"purchase": purchase.id})
        await set_packages(session, purchase_id=purchase.id, packages=patch.packages, members=members or 0, now=now)
    if patch.sites is not None:
        await set_sites(session, purchase=purchase, sites=patch.sites, day=clock.business_day(now))
    if patch.payers is not None:
        await set_payers(session, purchase=purchase, payers=patch.payers, day=clock.business_day(now))
    elif named & {"shared_by", "spare_pieces", "members_as_of", "person_ids", "purpose"}:
        kept = await session.execute(_PAYERS, {"purchase": purchase.id})
        payers = [PayerIn.model_validate(row._asdict()) for row in kept]
        again = [] if named & {"members_as_of", "person_ids", "purpose"} else payers
        await set_payers(session, purchase=purchase, payers=again, day=clock.business_day(now))
    else:
        await weigh(session, purchase_id=purchase.id)
