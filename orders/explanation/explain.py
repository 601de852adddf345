"""Why a line counts or does not: the rule, the papers, the days and every entry, for whoever asks with a right to."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from catalog.county.on_day import codes_before
from orders.credit.models import REFUND_KINDS
from orders.credit.schemas import CreditLinkOut, CreditRuleOut, EntryOut
from orders.credit.words import DESIGNATIONS, REASONS
from orders.explanation.schemas import (
    AttributionOut,
    ComponentOut,
    CreditDesignationOut,
    CreditRecognitionOut,
    ExplainOut,
)
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

# A line that was never paid has no entries: its components stand beside the order.
_CHAIN = text("""
SELECT a.* FROM attribution a WHERE coalesce(a.component_id, a.id) IN (
    SELECT component_id FROM credit_entry WHERE order_line_id = :line
    UNION SELECT c.id FROM order_line l JOIN share_component c ON c.order_id = l.order_id AND c.line_id = l.id
    WHERE l.id = :line)
""")
_ENTRIES = text("SELECT * FROM credit_entry WHERE order_line_id = :line ORDER BY recorded_at, id")
_RULES = text("SELECT * FROM counting_rule WHERE id = ANY(:ids)")
_LINKS = text("SELECT * FROM evidence_link WHERE component_id = ANY(:ids) ORDER BY proposed_at, id")
_DESIGNATIONS = text(f"""
SELECT county_code, kind, valid_from, valid_to, source, confirmed FROM designation
WHERE county_code IN ({codes_before("CAST(:county AS text)", ":day")})
    AND (valid_from IS NULL OR valid_from <= :day) ORDER BY kind, valid_from
""")  # noqa: S608  # expressions of our own
_FACTS = "SELECT number, issuer, valid_from, valid_to, source FROM recognition"
_RECOGNITION = text(f"{_FACTS} WHERE number = :number")
# The certificate that did not hold on the day: the one that ended last before it, or begins first after it.
_MISSED = {
    "recognition_expired": text(
        f"{_FACTS} WHERE product_id = :product AND valid_to <= :day ORDER BY valid_to DESC, number LIMIT 1"
    ),
    "recognition_not_yet_valid": text(
        f"{_FACTS} WHERE product_id = :product AND valid_from > :day ORDER BY valid_from, number LIMIT 1"
    ),
}


async def explain(session: ReadSession, actor: Actor, *, order_line_id: UUID, day: date) -> ExplainOut:
    """Every component of the line with the facts that hold now and those they took the place of.

    Raises NotFound for a line that does not exist or was credited outside the units the caller may see.
    """
    chain = [dict(row) for row in (await session.execute(_CHAIN, {"line": order_line_id})).mappings()]
    corrected = {row["corrects_id"] for row in chain if row["corrects_id"]}
    newest = sorted((row for row in chain if row["id"] not in corrected), key=lambda row: str(row["id"]))
    visible = await visible_unit_ids(session, actor, Permission.CREDIT_READ, day)
    if not newest or not (visible is None or any(row["unit_id"] in visible for row in newest)):
        raise NotFound("没有这一行订单，或者它不在您的查看范围内。")
    newest = [row for row in newest if visible is None or row["unit_id"] in visible]
    entries = [EntryOut.model_validate(row) for row in await session.execute(_ENTRIES, {"line": order_line_id})]
    rule_ids = list({row["rule_id"] for row in newest if row["rule_id"]})
    rules = {row.id: CreditRuleOut.model_validate(row) for row in await session.execute(_RULES, {"ids": rule_ids})}
    ids = [_component(row) for row in newest]
    links = [CreditLinkOut.model_validate(row) for row in await session.execute(_LINKS, {"ids": ids})]
    components = [
        await _explained(
            session,
            row,
            chain=[one for one in chain if _component(one) == _component(row) and one["id"] != row["id"]],
            rule=rules.get(row["rule_id"]),
            links=[one for one in links if one.component_id == _component(row)],
            entries=[one for one in entries if one.component_id == _component(row)],
        )
        for row in newest
    ]
    return ExplainOut(
        order_line=order_line_id,
        order_id=newest[0]["order_id"],
        counted=all(one.counted for one in components),
        why="；".join(dict.fromkeys(one.why for one in components)),
        counted_fen=sum(one.amount_fen for one in entries if one.counted and one.component_id in ids),
        not_counted_fen=sum(one.amount_fen for one in entries if not one.counted and one.component_id in ids),
        components=components,
    )


def _component(row: Mapping[str, Any]) -> UUID:
    found: UUID = row["component_id"] or row["id"]
    return found


async def _explained(
    session: ReadSession,
    row: Mapping[str, Any],
    *,
    chain: Sequence[Mapping[str, Any]],
    rule: CreditRuleOut | None,
    links: list[CreditLinkOut],
    entries: list[EntryOut],
) -> ComponentOut:
    sales = [one for one in entries if one.kind not in REFUND_KINDS]
    counted, reason = row["counted"], row["not_counted_reason"]
    if counted and (reason := _not_counted_so_far(entries)):  # proven too little for its rule
        counted = False
    county = row["made_county_code"] if rule and rule.origin_basis == "made" else row["county_code"]
    designations = await _designations(session, county, row["placed_on"])
    recognition = await _recognition(session, row, reason)
    return ComponentOut(
        component_id=_component(row),
        counted=counted,
        not_counted_reason=reason,
        why=_why(reason, recognition, designations, row["placed_on"]),
        amount_fen=sum(one.amount_fen for one in entries),
        grades=_grades(entries),
        attribution=AttributionOut.model_validate(row),
        corrected=[AttributionOut.model_validate(one) for one in _in_order(chain)],
        rule=rule,
        designations=designations,
        paired=not set(row["pairing_unit_ids"]).isdisjoint(row["unit_path"]),
        recognition=recognition,
        evidence=links,
        placed_on=row["placed_on"],
        recognised_on=sales[0].occurred_on if sales else None,
        recorded_at=sales[0].recorded_at if sales else None,
        entries=entries,
    )


def _why(
    reason: str | None,
    recognition: CreditRecognitionOut | None,
    designations: Iterable[CreditDesignationOut],
    day: date,
) -> str:
    """A sentence that names the paper, or the designations, whose days are the reason."""
    if reason is None:
        return "计入"
    named = []
    if reason in _MISSED and recognition:
        named = [f"{recognition.number}，有效期 {days_said(recognition.valid_from, recognition.valid_to)}"]
    elif reason == "designation_expired":
        named = [
            f"{DESIGNATIONS[one.kind]} {days_said(one.valid_from, one.valid_to)}"
            for one in designations
            if one.valid_to and one.valid_to <= day
        ]
    return f"不计入：{REASONS[reason]}" + (f"（{'；'.join(named)}）" if named else "")


def days_said(since: date | None, until: date | None) -> str:
    """With the last day that counts, as papers say it: half-open days are for machines."""
    return f"{since or '起始日不详'} 至 {until - timedelta(days=1) if until else '今'}"


def _grades(entries: Iterable[EntryOut]) -> dict[str, int]:
    """Grade → fen that stand in it."""
    sums: dict[str, int] = {}
    for one in entries:
        sums[one.grade] = sums.get(one.grade, 0) + one.amount_fen
    return {grade: fen for grade, fen in sorted(sums.items()) if fen}


def _not_counted_so_far(entries: Sequence[EntryOut]) -> str | None:
    """Why something that remains is not counted; where nothing remains, why the last was not. None: it counts."""
    left: dict[str | None, tuple[int, int, int]] = {}
    for one in entries:
        fen, grams, milli = left.get(one.not_counted_reason, (0, 0, 0))
        left[one.not_counted_reason] = fen + one.amount_fen, grams + one.grams, milli + one.quantity_milli
    remaining = [reason for reason, amounts in left.items() if any(amounts)]
    last = [one.not_counted_reason for one in entries[-1:]]
    return next((reason for reason in remaining or last if reason is not None), None)


def _in_order(chain: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """From the facts of the placement through each correction."""
    after = {row["corrects_id"]: row for row in chain}
    ordered = []
    row = after.get(None)
    while row is not None:
        ordered.append(row)
        row = after.get(row["id"])
    return ordered


async def _designations(session: ReadSession, county: str | None, day: date) -> list[CreditDesignationOut]:
    """Rows of the county and of the codes before it that had begun on the day; what had ended says so itself."""
    found = await session.execute(_DESIGNATIONS, {"county": county, "day": day})
    return [CreditDesignationOut.model_validate(dict(row)) for row in found.mappings()]


async def _recognition(session: ReadSession, row: Mapping[str, Any], reason: str | None) -> CreditRecognitionOut | None:
    """The certificate that the sale was made under, or else the one whose days are the reason."""
    if row["recognition_number"] is not None:
        found = await session.execute(_RECOGNITION, {"number": row["recognition_number"]})
    elif reason in _MISSED:
        found = await session.execute(_MISSED[reason], {"product": row["product_id"], "day": row["placed_on"]})
    else:
        return None
    held = found.mappings().one_or_none()
    return CreditRecognitionOut.model_validate(dict(held)) if held else None
