"""Write down what an ordered purchase shall still become; another person decides."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from catalog.campaign.entitled import asked_of
from orders.bulk.change.change_order import ORDERED, digest_of_change, note_change
from orders.bulk.plan.cases import filling
from orders.bulk.plan.totals import plan_totals
from orders.bulk.problems import STATE_WORDS, PlanInvalid, WrongState
from orders.bulk.visibility import purchase_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail
from shop.core.ids import new_id
from shop.core.window import in_force

_NEXT = text("SELECT coalesce(max(number), 0) + 1 FROM bulk_change WHERE purchase_id = :purchase")
_REQUEST = text("""
INSERT INTO bulk_change (id, purchase_id, number, kind, state, terms, content_sha256, reason, amount_fen, requested_by,
    requested_at)
VALUES (:id, :purchase, :number, :kind, 'requested', CAST(:terms AS jsonb), :sha, :reason, :amount_fen, :actor, :now)
""")
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
        WHERE q.sku_id = :by_sku AND q.min_quantity = 1 AND {asked_of("union", "q", ":now")}
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
    await note_change(session, actor, purchase_id, change_id, "requested", reason, now)
    return change_id


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
