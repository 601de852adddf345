"""Hand a plan in for approval: the rules decide, the budget is set aside, the content is sealed by its digest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from orders.budget.encumber import encumber
from orders.bulk.move_on import move_on
from orders.bulk.plan.check import check
from orders.bulk.plan.content import content_hash
from orders.bulk.plan.set_payers import weigh
from orders.bulk.plan.totals import plan_totals
from orders.bulk.problems import PlanInvalid
from orders.bulk.visibility import purchase_for
from orders.spending.proposal import Decision
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem


class SpendingRefused(Problem):
    """The rules refuse the plan. `errors[]`: each reason with its rule's source; `decision_id` replays it."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "spending_refused"
    title: ClassVar[str] = "不符合经费使用规定"


@dataclass(frozen=True, slots=True)
class Submitted:
    """refusal: to be raised once the decision is kept; nothing else was done then."""

    decision_id: UUID
    content_sha256: str | None
    refusal: SpendingRefused | None = None


_SEAL = text("UPDATE bulk_purchase SET content_sha256 = :sha WHERE id = :purchase")
_GAPS = text("""
SELECT (SELECT count(*) FROM bulk_site s WHERE s.purchase_id = p.id) AS sites,
    (SELECT count(*) FROM bulk_payer y WHERE y.purchase_id = p.id) AS payers,
    (SELECT string_agg(DISTINCT u.name, '、') FROM bulk_member m JOIN unit u ON u.id = m.unit_id
        WHERE m.purchase_id = p.id AND NOT EXISTS (
            SELECT FROM bulk_site s WHERE s.purchase_id = p.id AND s.unit_id = m.unit_id)) AS no_site,
    (SELECT count(*) FROM bulk_recipient r WHERE r.purchase_id = p.id) AS recipients,
    q.total_fen AS chosen_fen, q.supplier_id AS chosen_id, q.supplier_name AS chosen_name,
    (SELECT string_agg(DISTINCT f.name, '、') FROM bulk_package k JOIN bulk_package_line l ON l.package_id = k.id
        JOIN sku s ON s.id = l.sku_id JOIN product d ON d.id = s.product_id JOIN supplier f ON f.id = d.supplier_id
        WHERE k.purchase_id = p.id AND f.id <> q.supplier_id) AS others
FROM bulk_purchase p LEFT JOIN bulk_quote q ON q.purchase_id = p.id AND q.is_chosen
WHERE p.id = :purchase
""")


async def submit(session: WriteSession, *, actor: Actor, purchase_id: UUID, now: datetime) -> Submitted:
    """From draft or quoting to submitted. Submitted before with the same content is success.

    Raises NotFound, WrongState, PlanInvalid (what is missing), FundsShort. Refusals of the rules come back, not raised,
    so that the caller commits the decision.
    """
    purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    if purchase.state == "submitted":
        return Submitted(purchase.decision_id, purchase.content_sha256)
    await weigh(session, purchase_id=purchase_id)
    await _complete(session, purchase, now)
    decision = await check(session, purchase_id=purchase_id, now=now)
    if not decision.allowed:
        return Submitted(decision.id, None, refusal(decision))
    for skip in decision.skips:
        await move_on(
            session,
            purchase_id=purchase_id,
            to=skip.step,
            actor_id=actor.user_id,
            now=now,
            reason=skip.reason,
            skipped_by_rule_id=skip.rule_id,
        )
    await move_on(session, purchase_id=purchase_id, to="submitted", actor_id=actor.user_id, now=now)
    if purchase.fund_source == "union":
        await encumber(
            session,
            union_id=purchase.union_id,
            fiscal_year=purchase.fiscal_year,
            purchase_id=purchase_id,
            amount_fen=purchase.budget_fen,
            now=now,
        )
    sha = await content_hash(session, purchase_id)
    await session.execute(_SEAL, {"purchase": purchase_id, "sha": sha})
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.submitted",
        subject=f"bulk_purchase:{purchase_id}",
        after={"revision": purchase.revision, "content_sha256": sha, "decision_id": str(decision.id)},
        now=now,
    )
    return Submitted(decision.id, sha)


async def _complete(session: WriteSession, purchase: Row[Any], now: datetime) -> None:
    """What no rule speaks about, and yet must be there. Raises PlanInvalid with every gap."""
    sums = await plan_totals(session, purchase, day=clock.business_day(now))
    gaps = (await session.execute(_GAPS, {"purchase": purchase.id})).one()
    missing = []
    if sums.total_fen > purchase.budget_fen:
        over = f"商品合计 {sums.total_fen} 分，超过预算 {purchase.budget_fen} 分"
        missing.append(Detail("/budget_fen", "over_budget", over))
    if not gaps.payers:
        missing.append(Detail("/payers", "no_payer", "还没有付款方"))
    if purchase.deliver_to == "sites" and gaps.no_site:
        missing.append(Detail("/sites", "no_site", f"这些单位还没有收货点：{gaps.no_site}"))
    if purchase.deliver_to == "homes" and not gaps.recipients:
        missing.append(Detail("/recipients", "no_recipients", "送货到家，请先导入收件名单"))
    if purchase.choose_until and purchase.choices_frozen_at is None:
        missing.append(Detail("/choose_until", "choices_open", "会员还在选择套餐，请等选择截止并冻结后再提交"))
    if purchase.procurement == "quotes":
        missing += _of_the_quote(gaps, sums.total_fen)
    if missing:
        raise PlanInvalid("；".join(one.detail for one in missing) + "。", missing)


def _of_the_quote(gaps: Row[Any], total_fen: int) -> list[Detail]:
    """Goods must come from the supplier whose offer was taken, for no more than it offered."""
    if gaps.chosen_fen is None:
        return []  # whether there must be one is the rules' question
    found = []
    if total_fen > gaps.chosen_fen:
        said = f"商品合计 {total_fen} 分，高于选定报价 {gaps.chosen_fen} 分"
        found.append(Detail("/quotes", "above_the_quote", said))
    if gaps.chosen_id is not None and gaps.others:
        said = f"选定的是“{gaps.chosen_name}”，计划里却有{gaps.others}的商品"
        found.append(Detail("/quotes", "another_supplier", said))
    return found


def refusal(decision: Decision) -> SpendingRefused:
    """Why the rules said no, a detail a rule, each with its source."""
    errors = [
        Detail(f"/rules/{i}", one.code, f"{one.detail}（依据：{one.source}）" if one.source else one.detail)
        for i, one in enumerate(decision.refusals)
    ]
    return SpendingRefused("；".join(error.detail for error in errors), errors, extra={"decision_id": str(decision.id)})
