"""Change orders: what an ordered purchase still becomes, asked for by one person and approved by another."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from orders.bulk.approval.authority import DutiesApart, rights_of
from orders.bulk.plan.cases import filling
from orders.bulk.plan.totals import plan_totals
from orders.bulk.problems import STATE_WORDS, ApprovalStale, PlanInvalid, WrongState
from orders.bulk.visibility import purchase_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id
from shop.core.window import in_force

ORDERED: Final = frozenset({"ordered", "shipped", "accepted"})


class ChangeOver(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "change_over"
    title: ClassVar[str] = "这张变更单已经处理"


@dataclass(frozen=True, slots=True)
class ApprovedChange:
    """An approved change, for the verb that lets it take effect."""

    id: UUID
    purchase_id: UUID
    kind: str
    terms: Mapping[str, Any]
    reason: str
    requested_by: UUID


Effect = Callable[[WriteSession, Actor, ApprovedChange, datetime], Awaitable[UUID | None]]
TAKES_EFFECT: Final[dict[str, Effect]] = {}
"""Kind → the verb that moves goods and money when the second person approves; it returns a further order, or None.

A kind without a verb here stays `approved` until somebody carries it out.
"""

_NEXT = text("SELECT coalesce(max(number), 0) + 1 FROM bulk_change WHERE purchase_id = :purchase")
_REQUEST = text("""
INSERT INTO bulk_change (id, purchase_id, number, kind, state, terms, content_sha256, reason, amount_fen, requested_by,
    requested_at)
VALUES (:id, :purchase, :number, :kind, 'requested', CAST(:terms AS jsonb), :sha, :reason, :amount_fen, :actor, :now)
""")
_LOCK = text("SELECT * FROM bulk_change WHERE id = :change AND purchase_id = :purchase FOR NO KEY UPDATE")
_DECIDE = text("""
UPDATE bulk_change SET state = :state, approved_by = :actor, approved_at = :now
WHERE id = :change AND state = 'requested' AND requested_by <> :actor
""")
_DONE = text("UPDATE bulk_change SET state = 'done', order_id = :order WHERE id = :change AND state = 'approved'")
_STRANGERS = text(f"""
SELECT r.index,
    EXISTS (SELECT FROM bulk_member b WHERE b.purchase_id = :purchase AND b.person_id = r.person_id) AS there,
    EXISTS (SELECT FROM union_membership u JOIN membership m ON m.person_id = u.person_id
        WHERE u.person_id = r.person_id AND u.union_id = :union AND {in_force("u", ":day")}
            AND {in_force("m", ":day")}) AS member
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(index int, person_id uuid) ORDER BY r.index
""")  # noqa: S608  # our own words
_DEFAULT = text("""
SELECT l.package_id, l.sku_id, l.pieces FROM bulk_package k JOIN bulk_package_line l ON l.package_id = k.id
WHERE k.purchase_id = :purchase AND k.is_default
""")
_SWAP = text(f"""
SELECT (SELECT min(q.fen) FROM price q JOIN sku s ON s.id = q.sku_id JOIN product p ON p.id = s.product_id
        WHERE q.sku_id = :by_sku AND q.list = 'retail' AND q.min_quantity = 1 AND {in_force("q", ":now")}
            AND s.active AND p.state = 'listed') AS fen,
    (SELECT min(l.unit_price_fen) FROM bulk_package k JOIN bulk_package_line l ON l.package_id = k.id
        WHERE k.purchase_id = :purchase AND l.sku_id = :sku) AS old_fen
""")  # noqa: S608  # our own words


async def request_change(
    session: WriteSession,
    *,
    actor: Actor,
    purchase_id: UUID,
    kind: str,
    terms: Mapping[str, Any],
    reason: str,
    now: datetime,
    amount_fen: int | None = None,
) -> UUID:
    """Write down what shall change, bound by a digest to the order it changes. Returns the change's id.

    amount_fen: what it adds (negative: saves), where the caller knows; else of late joiners their packages.
    Raises NotFound, WrongState before the order, PlanInvalid.
    """
    purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    if purchase.state not in ORDERED:
        raise WrongState(
            f"采购现在是“{STATE_WORDS[purchase.state]}”：下单之前请直接修改计划，归档之后不能再变更。",
            extra={"state": purchase.state},
        )
    if kind == "late_joiners":
        amount_fen = await _late_joiners(session, purchase, terms, now)
    elif kind == "substitution":
        await _substitution(session, purchase, terms, now)
    elif kind == "cancellation" and purchase.state != "ordered":
        raise WrongState("已有货物发出或验收，请用拒收或退款处理，不能整单取消。", extra={"state": purchase.state})
    change_id = new_id()
    number = await session.scalar(_NEXT, {"purchase": purchase_id})
    facts = {
        "id": change_id,
        "purchase": purchase_id,
        "number": number,
        "kind": kind,
        "terms": msgspec.json.encode(terms).decode(),
        "sha": digest_of_change(purchase, kind, terms),
        "reason": reason,
        "amount_fen": amount_fen or 0,
        "actor": actor.user_id,
        "now": now,
    }
    await session.execute(_REQUEST, facts)
    await _recorded(session, actor, purchase_id, change_id, "requested", reason, now)
    return change_id


async def approve_change(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, change_id: UUID, content_sha256: str, now: datetime
) -> str:
    """The second person's yes: the change takes effect in the same transaction. Returns its state.

    Approving again is success. Raises NotFound, DutiesApart, NotApprover, ApprovalStale, ChangeOver, and whatever the
    effect raises.
    """
    purchase, change = await _asked(session, actor, purchase_id, change_id, now)
    if change.approved_by == actor.user_id and change.state in {"approved", "done"}:
        return str(change.state)
    await _still_open(purchase, change, content_sha256)
    await session.execute(_DECIDE, {"change": change_id, "state": "approved", "actor": actor.user_id, "now": now})
    await _recorded(session, actor, purchase_id, change_id, "approved", None, now)
    effect = TAKES_EFFECT.get(change.kind)
    if effect is None:
        return "approved"
    approved = ApprovedChange(change.id, purchase_id, change.kind, change.terms, change.reason, change.requested_by)
    order_id = await effect(session, actor, approved, now)
    await session.execute(_DONE, {"change": change_id, "order": order_id})
    return "done"


async def reject_change(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, change_id: UUID, content_sha256: str, now: datetime
) -> None:
    """The second person's no: everything stays as it was ordered. Raises as `approve_change`."""
    purchase, change = await _asked(session, actor, purchase_id, change_id, now)
    await _still_open(purchase, change, content_sha256)
    await session.execute(_DECIDE, {"change": change_id, "state": "rejected", "actor": actor.user_id, "now": now})
    await _recorded(session, actor, purchase_id, change_id, "rejected", None, now)


def digest_of_change(purchase: Row[Any], kind: str, terms: Mapping[str, Any]) -> str:
    """What the second person approves: these terms, on top of this order."""
    facts = [str(purchase.id), str(purchase.order_id), purchase.content_sha256, kind, dict(terms)]
    return sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()


async def _asked(
    session: WriteSession, actor: Actor, purchase_id: UUID, change_id: UUID, now: datetime
) -> tuple[Row[Any], Row[Any]]:
    purchase = await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now, lock=True)
    change = (await session.execute(_LOCK, {"change": change_id, "purchase": purchase_id})).one_or_none()
    if change is None:
        raise NotFound("没有这张变更单。")
    if change.requested_by == actor.user_id:
        raise DutiesApart("变更由您提出，请另一位审批人审批。")
    await rights_of(session, actor=actor, purchase=purchase, day=clock.business_day(now))
    return purchase, change


async def _still_open(purchase: Row[Any], change: Row[Any], content_sha256: str) -> None:
    if change.state != "requested" or purchase.state not in ORDERED:
        raise ChangeOver("请刷新页面查看结果。")
    if (
        content_sha256 != change.content_sha256
        or digest_of_change(purchase, change.kind, change.terms) != content_sha256
    ):
        raise ApprovalStale("变更内容与您看到的不同，请重新打开后再审批。")


async def _late_joiners(session: WriteSession, purchase: Row[Any], terms: Mapping[str, Any], now: datetime) -> int:
    """What their default packages and last cases cost, in fen. Raises PlanInvalid for strangers and who is listed."""
    people = [str(person) for person in terms["person_ids"]]
    day = clock.business_day(now)
    rows = msgspec.json.encode([{"index": i, "person_id": person} for i, person in enumerate(people)]).decode()
    named = {"purchase": purchase.id, "union": purchase.union_id, "day": day, "rows": rows}
    found = (await session.execute(_STRANGERS, named)).all()
    wrong = [
        Detail(
            f"/person_ids/{row.index}",
            "already_there" if row.there else "not_a_member",
            "已经在名单里" if row.there else "今天不是本工会会员",
        )
        for row in found
        if row.there or not row.member
    ]
    if len(set(people)) < len(people):
        wrong.append(Detail("/person_ids", "twice", "同一人写了两次"))
    if wrong:
        raise PlanInvalid("补充名单里有人不能补，请核对。", wrong)
    sums = await plan_totals(session, purchase, day=day)
    lines = (await session.execute(_DEFAULT, {"purchase": purchase.id})).all()
    loose = await filling(session, purchase.id, {line.sku_id: line.pieces * len(people) for line in lines})
    spares_fen = sum(one.pieces * one.unit_price_fen for one in loose)
    return sums.by_package[lines[0].package_id].fen * len(people) + spares_fen


async def _substitution(session: WriteSession, purchase: Row[Any], terms: Mapping[str, Any], now: datetime) -> None:
    """The goods replaced are in the plan, those instead are sold and cost no more: nobody pays for a shortage."""
    named = {"purchase": purchase.id, "sku": terms["sku_id"], "by_sku": terms["by_sku_id"], "now": now}
    found = (await session.execute(_SWAP, named)).one()
    if found.old_fen is None:
        raise PlanInvalid("计划里没有要替换的规格。", [Detail("/sku_id", "not_planned", "计划里没有这个规格")])
    if found.fen is None:
        raise PlanInvalid("替换的规格现在不出售。", [Detail("/by_sku_id", "not_sold", "现在不出售")])
    if found.fen > found.old_fen:
        said = f"替换品 {found.fen} 分，高于原来的 {found.old_fen} 分"
        raise PlanInvalid(f"{said}；请选同价或更低的商品。", [Detail("/by_sku_id", "dearer", said)])


async def _recorded(
    session: WriteSession,
    actor: Actor,
    purchase_id: UUID,
    change_id: UUID,
    what: str,
    reason: str | None,
    now: datetime,
) -> None:
    await record_change(
        session,
        actor_id=actor.user_id,
        action=f"bulk.change_{what}",
        subject=f"bulk_purchase:{purchase_id}",
        before=None,
        after={"change_id": str(change_id)},
        reason=reason,
        now=now,
    )
