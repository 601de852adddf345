"""A purchase as it stands, and the list of those somebody may see."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.bulk.desk.answers import PurchaseBrief, PurchaseList, PurchaseOut
from orders.bulk.plan.totals import plan_totals
from orders.bulk.visibility import DELEGATED, purchase_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids

_PACKAGES = """
    SELECT jsonb_agg(jsonb_build_object('id', k.id, 'position', k.position, 'name', k.name,
        'is_default', k.is_default, 'is_private', k.is_private,
        'fen', (SELECT coalesce(sum(l.pieces * l.unit_price_fen), 0) FROM bulk_package_line l
            WHERE l.package_id = k.id),
        'members', (SELECT count(*) FROM bulk_member m WHERE m.purchase_id = p.id
            AND (m.package_id = k.id OR (m.package_id IS NULL AND k.is_default))),
        'lines', (SELECT coalesce(jsonb_agg(jsonb_build_object('sku_id', l.sku_id, 'product_id', d.id,
            'title', d.title, 'spec', s.spec, 'supplier', f.name, 'pieces', l.pieces,
            'unit_price_fen', l.unit_price_fen,
            'counties', (SELECT coalesce(jsonb_agg(DISTINCT c.name), '[]') FROM sku_content i
                JOIN sku w ON w.id = i.stock_sku_id JOIN product o ON o.id = w.product_id
                JOIN county c ON c.code = o.origin_county_code WHERE i.sku_id = l.sku_id)) ORDER BY d.title), '[]')
            FROM bulk_package_line l JOIN sku s ON s.id = l.sku_id JOIN product d ON d.id = s.product_id
            JOIN supplier f ON f.id = d.supplier_id WHERE l.package_id = k.id)) ORDER BY k.position)
    FROM bulk_package k WHERE k.purchase_id = p.id
"""
_APPROVALS = """
    SELECT jsonb_agg(to_jsonb(a) || jsonb_build_object('approver', n.name, 'delegated_by', e.name) ORDER BY a.at)
    FROM bulk_approval a JOIN user_account u ON u.id = a.approver_id JOIN person n ON n.id = u.person_id
    LEFT JOIN user_account v ON v.id = a.delegated_by LEFT JOIN person e ON e.id = v.person_id
    WHERE a.purchase_id = p.id
"""
_NOTICE = """
    SELECT jsonb_build_object('words', n.words, 'opened_on', n.opened_on, 'open_until', n.open_until,
        'objections', (SELECT coalesce(jsonb_agg(to_jsonb(o) ORDER BY o.raised_at), '[]') FROM bulk_objection o
            WHERE o.notice_id = n.id))
    FROM bulk_notice n WHERE n.purchase_id = p.id AND n.revision = p.revision
"""
_RULE = """
    SELECT jsonb_build_object('decision_id', d.id, 'allowed', d.allowed, 'line', p.rule_line,
        'approvers_needed', p.approvers_needed, 'notice_days', p.notice_days,
        'refusals', (SELECT coalesce(jsonb_agg(
                (r->>'detail') || coalesce('（依据：' || (r->>'source') || '）', '')), '[]')
            FROM jsonb_array_elements(d.result->'refusals') r),
        'warnings', (SELECT coalesce(jsonb_agg(r->>'detail'), '[]') FROM jsonb_array_elements(d.result->'warnings') r))
    FROM spending_decision d WHERE d.id = p.decision_id
"""


def _all(select: str) -> str:
    return f"coalesce(({select}), '[]')"


_WHOLE = text(f"""
SELECT (to_jsonb(p) || jsonb_build_object(
    'union', jsonb_build_object('id', l.id, 'name', l.name),
    'unit', jsonb_build_object('id', u.id, 'name', u.name),
    'requester', (SELECT jsonb_build_object('id', a.id, 'name', coalesce(n.name, '')) FROM user_account a
        JOIN person n ON n.id = a.person_id WHERE a.id = p.requester_id),
    'members', (SELECT count(*) FROM bulk_member m WHERE m.purchase_id = p.id),
    'packages', {_all(_PACKAGES)},
    'payers', {
    _all(
        "SELECT jsonb_agg(to_jsonb(y) || jsonb_build_object('unit', jsonb_build_object('id', w.id, 'name', w.name))"
        " ORDER BY y.position) FROM bulk_payer y JOIN unit w ON w.id = y.unit_id WHERE y.purchase_id = p.id"
    )
},
    'sites', {
    _all(
        "SELECT jsonb_agg(to_jsonb(s) || jsonb_build_object('unit', jsonb_build_object('id', w.id, 'name', w.name))"
        " ORDER BY s.name) FROM bulk_site s JOIN unit w ON w.id = s.unit_id WHERE s.purchase_id = p.id"
    )
},
    'quotes', {_all("SELECT jsonb_agg(to_jsonb(q) ORDER BY q.total_fen) FROM bulk_quote q WHERE q.purchase_id = p.id")},
    'approvals', {_all(_APPROVALS)},
    'notice', ({_NOTICE}),
    'rule', ({_RULE}),
    'changes', {_all("SELECT jsonb_agg(to_jsonb(c) ORDER BY c.number) FROM bulk_change c WHERE c.purchase_id = p.id")},
    'events', {
    _all(
        "SELECT jsonb_agg(to_jsonb(e) || jsonb_build_object('skipped', e.skipped_by_rule_id IS NOT NULL)"
        " ORDER BY e.at, e.id) FROM bulk_event e WHERE e.purchase_id = p.id"
    )
},
    'shares', {
    _all("SELECT jsonb_agg(to_jsonb(h) ORDER BY h.position) FROM payer_share h WHERE h.order_id = p.order_id")
},
    'goods_fen', CAST(:goods_fen AS bigint), 'assisted_fen', CAST(:assisted_fen AS bigint), 'missing', '[]'::jsonb
))::text
FROM bulk_purchase p JOIN labour_union l ON l.id = p.union_id JOIN unit u ON u.id = p.unit_id WHERE p.id = :purchase
""")  # noqa: S608  # composed of our own constants
_LIST = text(f"""
SELECT p.id, p.number, p.title, p.state, l.name AS "union", u.name AS unit,
    (SELECT count(*) FROM bulk_member m WHERE m.purchase_id = p.id) AS members, p.budget_fen, p.ship_on, p.created_at,
    CASE WHEN p.requester_id = :actor THEN p.state IN ('draft', 'quoting', 'approved', 'rejected', 'noticed')
        ELSE :approves AND p.state = 'submitted' AND NOT EXISTS (SELECT FROM bulk_approval a
            WHERE a.purchase_id = p.id AND a.revision = p.revision AND a.approver_id = :actor) END AS waits_for_me
FROM bulk_purchase p JOIN labour_union l ON l.id = p.union_id JOIN unit u ON u.id = p.unit_id
WHERE (:everywhere OR p.unit_id = ANY(:units) OR (p.union_id, p.unit_id) IN ({DELEGATED}))
    AND (CAST(:state AS text) IS NULL OR p.state = :state)
    AND (CAST(:at AS timestamptz) IS NULL OR (p.created_at, p.id) < (:at, CAST(:after AS uuid)))
ORDER BY p.created_at DESC, p.id DESC LIMIT :limit
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # as above
_decode = msgspec.json.Decoder(PurchaseOut, strict=False).decode


async def purchase_as_it_stands(session: ReadSession, *, actor: Actor, purchase_id: UUID, now: datetime) -> PurchaseOut:
    """Raises NotFound for strangers."""
    purchase = await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now)
    return await whole(session, purchase, now=now)


async def whole(session: ReadSession, purchase: Row[Any], *, now: datetime) -> PurchaseOut:
    """Of a row that the caller may see."""
    sums = await plan_totals(session, purchase, day=clock.business_day(purchase.created_at))
    named = {"purchase": purchase.id, "goods_fen": sums.total_fen, "assisted_fen": sums.assisted_fen}
    found = _decode((await session.execute(_WHOLE, named)).scalar_one())
    return replace(found, missing=missing(found, clock.business_day(now)))


def missing(purchase: PurchaseOut, today: date) -> list[str]:
    """What has to happen before the next step, in words. Pure."""
    if purchase.state in {"draft", "quoting"}:
        return _before_submitting(purchase)
    if purchase.state == "submitted":
        return [_approvals_missing(purchase)]
    if purchase.state in {"approved", "noticed"}:
        return _before_ordering(purchase, today)
    return list(_LATER.get(purchase.state, ()))


_LATER = {
    "rejected": ("已退回：请按意见修改后重新提交",),
    "ordered": ("收货时由两人验收",),
    "shipped": ("收货时由两人验收",),
    "accepted": ("发放并签收领取表",),
    "distributed": ("核对付款、发票后归档",),
}


def _approvals_missing(purchase: PurchaseOut) -> str:
    needed = purchase.rule.approvers_needed if purchase.rule else 1
    given = sum(one.revision == purchase.revision and one.decision == "approved" for one in purchase.approvals)
    return f"还需 {needed - given} 人审批（共 {needed} 人）"


def _before_submitting(purchase: PurchaseOut) -> list[str]:
    found = [] if purchase.rule is None else list(purchase.rule.refusals)
    with_sites = {site.unit.id for site in purchase.sites}
    if purchase.deliver_to == "sites" and (
        bare := [y.unit.name for y in purchase.payers if y.unit.id not in with_sites]
    ):
        found.append(f"请填写收货点：{'、'.join(bare)}")
    if purchase.goods_fen > purchase.budget_fen:
        found.append("商品合计超过预算")
    if purchase.choose_until and purchase.choices_frozen_at is None:
        found.append("会员还在选择套餐，截止并冻结后才能提交")
    if purchase.procurement == "quotes" and purchase.quotes and not any(quote.is_chosen for quote in purchase.quotes):
        found.append("请选定一份报价")
    return found or ["可以提交审批"]


def _before_ordering(purchase: PurchaseOut, today: date) -> list[str]:
    if purchase.notice is None:
        skipped = any(e.skipped and e.state == "noticed" and e.revision == purchase.revision for e in purchase.events)
        return ["可以下单"] if skipped else [f"请公示 {purchase.rule.notice_days if purchase.rule else 1} 天后下单"]
    found = [f"公示到 {purchase.notice.open_until} 前一日"] if purchase.notice.open_until > today else []
    open_ones = sum(one.answered_at is None for one in purchase.notice.objections)
    return [*found, *([f"有 {open_ones} 条异议待答复"] if open_ones else [])] or ["可以下单"]


async def purchases_of(
    session: ReadSession, *, actor: Actor, now: datetime, state: str | None, limit: int, cursor: str | None
) -> PurchaseList:
    """The newest first. Raises Invalid for a broken cursor."""
    day = clock.business_day(now)
    visible = await visible_unit_ids(session, actor, Permission.BULK_READ, day)
    at, after = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    named = {
        "actor": actor.user_id,
        "approves": actor.may(Permission.BULK_APPROVE),
        "everywhere": visible is None,
        "units": sorted(visible or ()),
        "day": day,
        "state": state,
        "at": at,
        "after": after,
        "limit": limit + 1,
    }
    items = [PurchaseBrief(**row._mapping) for row in await session.execute(_LIST, named)]  # noqa: SLF001  # public
    more = cursor_of(items[limit - 1].created_at, items[limit - 1].id) if len(items) > limit else None
    return PurchaseList(items[:limit], more)


_ROW = text("SELECT * FROM bulk_purchase WHERE id = :purchase")


async def shown_in_notice(session: ReadSession, purchase_id: UUID, *, now: datetime) -> PurchaseOut:
    """Of a purchase whose notice the caller may read: see `notice.concerned`."""
    return await whole(session, (await session.execute(_ROW, {"purchase": purchase_id})).one(), now=now)
