"""Rules and decisions as people read them: those of their own unions, and those that hold for everybody."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text

from orders.spending.decide import decision_of, replay
from orders.spending.rule import rule_of
from orders.spending.schemas import AskedRule, DecisionOut, SpendingRuleOut, SpendingRulePage
from orders.spending.words import concerns, says
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import Detail, NotFound
from shop.core.paging import cursor_of, read_cursor
from shop.core.window import in_force
from shop.organisation.authority import EVERYBODY, Place, of_units
from shop.organisation.queries import visible_unit_ids

_SERVES = f"""EXISTS (SELECT FROM union_unit s WHERE s.union_id = {{0}} AND s.unit_id = ANY(:units)
    AND {in_force("s", ":day")})"""
_PAGE = text(f"""
SELECT r.*, u.name AS union_name FROM spending_rule r LEFT JOIN labour_union u ON u.id = r.union_id
WHERE (r.code, r.valid_from) > (:code, CAST(:since AS date))
  AND (r.union_id IS NULL OR :everything OR {_SERVES.format("r.union_id")})
  AND (CAST(:kind AS text) IS NULL OR r.kind = :kind)
  AND (CAST(:province AS text) IS NULL OR r.province IN ('', :province))
  AND (CAST(:in_force AS date) IS NULL OR ({in_force("r", ":in_force")}))
ORDER BY r.code, r.valid_from LIMIT :limit
""")  # noqa: S608  # composed of our own constants
_ONE = text("""
SELECT r.*, u.name AS union_name FROM spending_rule r LEFT JOIN labour_union u ON u.id = r.union_id WHERE r.id = :id
""")
_PROVINCES = text("SELECT DISTINCT province FROM spending_rule WHERE province <> '' ORDER BY 1")
_DECISION = text(f"""
SELECT d.id, d.union_id, d.decided_at, d.rule_ids FROM spending_decision d
WHERE d.id = :id AND (:everything OR {_SERVES.format("d.union_id")})
""")  # noqa: S608  # as above
_ASKED = text("SELECT * FROM spending_rule WHERE id = ANY(:ids) ORDER BY code, valid_from")
_UNITS = text(f"""
SELECT unit_id FROM union_unit WHERE union_id = :id AND {in_force("", ":day")}
""")  # noqa: S608  # our own words
_UNION_OF = text("SELECT union_id FROM spending_rule WHERE id = :id")
_RESERVED = text(f"""
SELECT * FROM spending_rule WHERE kind = 'reserved_share' AND province IN ('', :province)
  AND (cardinality(unit_kinds) = 0 OR :unit_kind = ANY(unit_kinds))
  AND {in_force("", ":day")}
ORDER BY code
""")  # noqa: S608  # our own words


async def rules_of(
    session: ReadSession,
    actor: Actor,
    *,
    day: date,
    limit: int,
    cursor: str | None = None,
    kind: str | None = None,
    province: str | None = None,
    in_force: date | None = None,
) -> SpendingRulePage:
    """Rules by code and first day. province: what its branches must follow, the country's rules too."""
    code, since = read_cursor(cursor, str, date) if cursor else ("", date.min)
    asked = await _visible(session, actor, Permission.RULE_READ, day) | {
        "code": code,
        "since": since,
        "kind": kind,
        "province": province,
        "in_force": in_force,
        "limit": limit + 1,
    }
    rows = (await session.execute(_PAGE, asked)).all()
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return SpendingRulePage(
        items=[_shown(row) for row in rows[:limit]],
        next_cursor=cursor_of(last.code, last.valid_from) if last else None,
    )


async def provinces_with_rules(session: ReadSession) -> Sequence[str]:
    return list(await session.scalars(_PROVINCES))


async def decision_out(session: ReadSession, actor: Actor, decision_id: UUID, *, day: date) -> DecisionOut:
    """A decision about a purchase of one's own unions, asked again. Raises NotFound."""
    asked = await _visible(session, actor, Permission.RULE_READ, day)
    row = (await session.execute(_DECISION, asked | {"id": decision_id})).one_or_none()
    if row is None:
        raise NotFound("没有这项规则决定。")
    kept, again = await decision_of(session, decision_id), await replay(session, decision_id)
    rules = [rule_of(one) for one in await session.execute(_ASKED, {"ids": row.rule_ids})]
    verdict = {name: value for name, value in asdict(kept.verdict).items() if name != "limits"}
    return DecisionOut(
        id=row.id,
        purchase_id=kept.purchase_id,
        union_id=row.union_id,
        decided_at=row.decided_at,
        rules=[AskedRule(id=one.id, code=one.code, title=one.title, source=one.source) for one in rules],
        same=again.same,
        **verdict,
    )


async def units_of_union(session: ReadSession, union_id: UUID | None, *, day: date) -> Place:
    """Whom rules of a union concern: the units it serves that day; without a union everybody. Raises NotFound."""
    if union_id is None:
        return EVERYBODY
    units = list(await session.scalars(_UNITS, {"id": union_id, "day": day}))
    if not units:
        said = "没有这个工会，或者它不在您的管理范围内"
        raise NotFound(f"{said}。", [Detail("/union_id", "not_found", said)])
    return of_units(*units)


async def union_of_rule(session: ReadSession, rule_id: UUID) -> UUID | None:
    """None: the rule holds for everybody. Raises NotFound."""
    rule = (await session.execute(_UNION_OF, {"id": rule_id})).one_or_none()
    if rule is None:
        raise NotFound("没有这条规则。")
    union_id: UUID | None = rule.union_id
    return union_id


async def _visible(session: ReadSession, actor: Actor, permission: Permission, day: date) -> dict[str, Any]:
    units = await visible_unit_ids(session, actor, permission, day)
    return {"everything": units is None, "units": sorted(units or ()), "day": day}


def _shown(row: Any) -> SpendingRuleOut:
    rule = rule_of(row)
    return SpendingRuleOut.model_validate(
        asdict(rule)
        | {
            "valid_to": row.valid_to,
            "union_name": row.union_name,
            "says": says(rule),
            "concerns": concerns(rule),
            "source": rule.source,
            "recorded_at": row.recorded_at,
        }
    )
