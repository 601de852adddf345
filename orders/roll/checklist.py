"""What a complete archive holds, what is there, and what is missing and why."""

from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Row, text

from shop.core.database import ReadSession

PaperState = Literal["there", "missing", "not_needed"]

_FACTS: Final = text("""
WITH purchase AS (SELECT * FROM bulk_purchase WHERE id = :purchase)
SELECT p.procurement, p.decision_id IS NOT NULL AS decided, coalesce(p.approvers_needed, 1) AS approvers_needed,
    coalesce(p.notice_days, 0) AS notice_days, p.order_id IS NOT NULL AS ordered,
    p.directed_reason IS NOT NULL AS reasoned, p.directed_minutes_sha256 IS NOT NULL AS directed_minutes,
    (SELECT count(*) FROM bulk_quote q WHERE q.purchase_id = p.id) AS quotes,
    (SELECT count(*) FROM bulk_quote q WHERE q.purchase_id = p.id AND q.evidence_sha256 IS NULL) AS quotes_bare,
    (SELECT count(*) FROM bulk_approval a WHERE a.purchase_id = p.id AND a.revision = p.revision
        AND a.decision = 'approved') AS approvals,
    (SELECT count(*) FROM bulk_approval a WHERE a.purchase_id = p.id AND a.revision = p.revision
        AND a.minutes_sha256 IS NOT NULL) AS minutes,
    (SELECT count(*) FROM bulk_notice n WHERE n.purchase_id = p.id) AS notices,
    (SELECT count(*) FROM bulk_objection o JOIN bulk_notice n ON n.id = o.notice_id
        WHERE n.purchase_id = p.id AND o.answered_by IS NULL) AS unanswered,
    (SELECT jsonb_object_agg(e.state, e.reason) FROM bulk_event e WHERE e.purchase_id = p.id
        AND e.revision = p.revision AND e.skipped_by_rule_id IS NOT NULL) AS skipped,
    (SELECT count(DISTINCT d.id) FROM delivery d JOIN allocation a ON a.delivery_id = d.id
        WHERE d.order_id = p.order_id) AS deliveries,
    (SELECT count(*) FROM acceptance a WHERE a.order_id = p.order_id) AS acceptances,
    (SELECT count(*) FROM acceptance a JOIN acceptance_answer n ON n.acceptance_id = a.id
        WHERE a.order_id = p.order_id AND n.answer = 'not_me') AS denied,
    (SELECT count(*) FROM roll_row r WHERE r.purchase_id = p.id) AS roll_rows,
    (SELECT count(*) FROM roll_row r WHERE r.purchase_id = p.id AND r.outcome IS NULL) AS roll_open,
    (SELECT count(DISTINCT r.page) FROM roll_row r WHERE r.purchase_id = p.id AND NOT EXISTS (
        SELECT FROM roll_scan s WHERE s.purchase_id = p.id AND s.page = r.page)) AS pages_unscanned,
    (SELECT count(*) FROM payer_share y WHERE y.order_id = p.order_id AND y.due_fen > 0 AND NOT EXISTS (
        SELECT FROM invoice i JOIN invoice_request r ON r.id = i.request_id WHERE r.payer_share_id = y.id))
        AS uninvoiced,
    (SELECT count(*) FROM payer_share y WHERE y.order_id = p.order_id AND y.paid_fen < y.due_fen) AS unpaid
FROM purchase p
""")


@dataclass(frozen=True, slots=True)
class Item:
    """code: stable; why: what is missing, or why it is not needed; None where all is there."""

    code: str
    title: str
    standing: PaperState
    why: str | None = None


async def checklist_of(session: ReadSession, purchase_id: UUID) -> list[Item]:
    """In the order of the way. The caller has checked who may see the purchase."""
    facts = (await session.execute(_FACTS, {"purchase": purchase_id})).one()
    return [Item("plan", "采购计划", "there"), *_before_order(facts), *_after_order(facts)]


def missing(items: list[Item]) -> list[Item]:
    return [item for item in items if item.standing == "missing"]


def _item(code: str, title: str, why: str | None) -> Item:
    return Item(code, title, "missing" if why else "there", why)


def _before_order(facts: Row[Any]) -> list[Item]:
    skipped: dict[str, str] = facts.skipped or {}
    items = [_item("decision", "规则判定", None if facts.decided else "还没有判定：计划没有提交过")]
    if "quoting" in skipped:
        items.append(Item("quotes", "询价", "not_needed", skipped["quoting"]))
    elif facts.procurement == "directed":
        bare = not (facts.reasoned and facts.directed_minutes)
        items.append(_item("quotes", "定向采购理由和会议纪要", "缺定向采购的理由或会议纪要" if bare else None))
    else:
        none = "没有报价" if not facts.quotes else None
        items.append(
            _item("quotes", "报价单", none or (f"{facts.quotes_bare} 份报价没有附件" if facts.quotes_bare else None))
        )
    short = facts.approvers_needed - facts.approvals
    items.append(_item("approvals", "审批", f"还差 {short} 人审批" if short > 0 else None))
    if facts.approvers_needed > 1:
        items.append(_item("minutes", "会议纪要", None if facts.minutes else "多人审批要附会议纪要"))
    else:
        items.append(Item("minutes", "会议纪要", "not_needed", "按金额只需一人审批"))
    if "noticed" in skipped or not (facts.notices or facts.notice_days):
        items.append(Item("notice", "公示", "not_needed", skipped.get("noticed", "规则没有要求公示")))
    else:
        none = None if facts.notices else "还没有公示"
        items.append(
            _item("notice", "公示和异议", none or (f"{facts.unanswered} 条异议没有答复" if facts.unanswered else None))
        )
    return items


def _after_order(facts: Row[Any]) -> list[Item]:
    unordered = None if facts.ordered else "还没有下单"
    late = facts.deliveries - facts.acceptances
    items = [
        _item("contract", "合同", unordered),
        _item("order", "订单", unordered),
        _item("acceptances", "验收单", unordered or _unaccepted(late, facts.denied)),
        _item("roll", "签领表", "还没有签领表" if not facts.roll_rows else _open(facts.roll_open, "人没有签领结果")),
        _item(
            "roll_scans", "签领表扫描件",
            "还没有签领表" if not facts.roll_rows else _open(facts.pages_unscanned, "页没有扫描件"),
        ),
    ]  # fmt: skip
    items.append(_item("invoices", "发票", unordered or _open(facts.uninvoiced, "个付款方没有收到发票")))
    items.append(_item("transfers", "付款凭证", unordered or _open(facts.unpaid, "个付款方没有付清")))
    return items


def _unaccepted(late: int, denied: int) -> str | None:
    if late > 0:
        return f"{late} 批货没有验收"
    return f"{denied} 批货的共同验收人说不是本人，请核实" if denied else None


def _open(count: int, what: str) -> str | None:
    return f"{count} {what}" if count else None
