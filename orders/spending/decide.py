"""Ask the rules about a proposal and keep the answer, so that anybody can ask again and hear the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.spending.caps import limits_of
from orders.spending.proposal import Decision, Limit, Portion, Proposal, SpentSoFar, Verdict
from orders.spending.rule import Rule, Rules, rule_of
from orders.spending.rules import judge
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import NotFound
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.core.window import in_force

_RULES = text(f"""
SELECT * FROM spending_rule
WHERE {in_force("", ":day")}
  AND province = ANY(:provinces) AND (union_id IS NULL OR union_id = :union_id)
ORDER BY code, id
""")  # noqa: S608  # our own words
_NAMED_RULES = text("SELECT * FROM spending_rule WHERE id = ANY(:ids) ORDER BY code, id")
_HEADCOUNTS = text(f"""
SELECT coalesce(u.province, '') AS province, count(*) AS heads
FROM union_membership m
LEFT JOIN membership w ON w.person_id = m.person_id
    AND {in_force("w", ":day")}
LEFT JOIN unit u ON u.id = w.unit_id
WHERE m.union_id = :union_id AND {in_force("m", ":day")}
GROUP BY 1
""")  # noqa: S608  # our own words
_USED = text("""
WITH asked AS (SELECT key, year FROM jsonb_to_recordset(CAST(:keys AS jsonb)) AS r(key text, year int))
SELECT c.owner_id, c.cap_key, c.cap_year, (c.used_fen - own.fen)::bigint AS used_fen
FROM (SELECT DISTINCT value::uuid AS owner_id FROM jsonb_array_elements_text(CAST(:owners AS jsonb))) p
CROSS JOIN asked a
CROSS JOIN LATERAL (
    SELECT * FROM spending_counter s
    WHERE s.owner_id = p.owner_id AND s.cap_key = a.key AND s.cap_year = a.year LIMIT 1
) c
CROSS JOIN LATERAL (
    SELECT coalesce(sum(x.fen - x.released_fen), 0) AS fen
    FROM spending_take t JOIN spending_taken x ON x.decision_id = t.decision_id AND x.owner_id = c.owner_id
        AND x.cap_key = c.cap_key AND x.cap_year = c.cap_year
    WHERE t.purchase_id = :purchase_id
) own
WHERE c.used_fen > own.fen
ORDER BY 1, 2, 3
""")
_KEEP = text("""
INSERT INTO spending_decision (id, purchase_id, union_id, allowed, inputs, rule_ids, rules_sha256, result, decided_at)
VALUES (:id, :purchase_id, :union_id, :allowed, CAST(:inputs AS jsonb), :rule_ids, :rules_sha256,
    CAST(:result AS jsonb), :now)
""")
_KEPT = text("SELECT id, purchase_id, inputs, rule_ids, rules_sha256, result FROM spending_decision WHERE id = :id")


async def decide(session: WriteSession, proposal: Proposal, *, now: datetime) -> Decision:
    """The verdict of the rules of `proposal.day`, stored with its inputs and the rules asked.

    Refusals are part of the answer, nothing is raised. What others gave the same people is looked at here, and guarded
    again by `take_caps`, which alone counts.
    """
    rules = await _rules_of_the_day(session, proposal)
    spent_so_far = await _spent_so_far(session, proposal, rules)
    verdict = judge(proposal, rules, spent_so_far)
    decision = Decision(new_id(), proposal.purchase_id, verdict)
    await session.execute(
        _KEEP,
        {
            "id": decision.id,
            "purchase_id": proposal.purchase_id,
            "union_id": proposal.union_id,
            "allowed": verdict.allowed,
            "inputs": canonical(_inputs(proposal, spent_so_far, rules)),
            "rule_ids": [rule.id for rule in rules],
            "rules_sha256": digest(rules),
            "result": canonical(verdict),
            "now": now,
        },
    )
    return decision


async def replay(session: ReadSession, decision_id: UUID) -> Decision:
    """Judge the stored inputs again by the rules of then. `same` says whether the answer is the stored one.

    Rules that came later, or ended since, change nothing: the rows are named by id, and their digest is compared.
    Raises NotFound.
    """
    row = (await session.execute(_KEPT, {"id": decision_id})).one_or_none()
    if row is None:
        raise NotFound("没有这项规则决定。")
    found = await session.execute(_NAMED_RULES, {"ids": row.rule_ids})
    ends = msgspec.convert(row.inputs["ends"], dict[UUID, date], strict=False)
    rules = [replace(rule_of(rule), valid_to=ends.get(rule.id)) for rule in found]
    proposal, spent_so_far = _proposed(row.inputs)
    verdict = judge(proposal, rules, spent_so_far)
    same = digest(rules) == row.rules_sha256 and canonical(verdict) == canonical(row.result)
    return Decision(row.id, row.purchase_id, verdict, same=same)


async def decision_of(session: ReadSession, decision_id: UUID) -> Decision:
    """The decision as it was stored. Raises NotFound."""
    row = (await session.execute(_KEPT, {"id": decision_id})).one_or_none()
    if row is None:
        raise NotFound("没有这项规则决定。")
    return Decision(row.id, row.purchase_id, msgspec.convert(row.result, Verdict))


def canonical(value: Any) -> str:
    """JSON with sorted keys: equal facts are equal text."""
    return msgspec.json.encode(value, order="sorted").decode()


def digest(rules: Sequence[Rule]) -> str:
    """sha256 over the content of the rules, in the order of their codes."""
    return sha256(canonical(rules).encode()).hexdigest()


async def _rules_of_the_day(session: ReadSession, proposal: Proposal) -> list[Rule]:
    provinces = sorted({"", *(one.province for one in proposal.portions)})
    asked = {"day": proposal.day, "provinces": provinces, "union_id": proposal.union_id}
    return [rule_of(row) for row in await session.execute(_RULES, asked)]


async def _spent_so_far(session: ReadSession, proposal: Proposal, rules: Sequence[Rule]) -> SpentSoFar:
    """Headcounts only where a rule asks for an average; used amounts of the counters this purchase would move."""
    headcounts: dict[str, int] = {}
    if any(rule.basis == "average" for rule in rules):
        asked = {"union_id": proposal.union_id, "day": proposal.day}
        headcounts = {row.province: row.heads for row in await session.execute(_HEADCOUNTS, asked)}
    places = tuple(sorted({one.province for one in proposal.portions})) or ("",)
    limits = limits_of(Rules(rules, proposal, places), headcounts)
    used = await _used(session, proposal, limits) if limits else {}
    return SpentSoFar(headcounts, used)


async def _used(session: ReadSession, proposal: Proposal, limits: Sequence[Limit]) -> dict[tuple[UUID, str, int], int]:
    owners = {str(one.person_id) for one in proposal.portions} | {str(proposal.union_id)}
    keys = {(limit.key, limit.year) for limit in limits}
    asked = {
        "owners": msgspec.json.encode(sorted(owners)).decode(),
        "keys": as_rows({"key": key, "year": year} for key, year in sorted(keys)),
        "purchase_id": proposal.purchase_id,
    }
    return {(row.owner_id, row.cap_key, row.cap_year): row.used_fen for row in await session.execute(_USED, asked)}


def _inputs(proposal: Proposal, spent_so_far: SpentSoFar, rules: Sequence[Rule]) -> dict[str, Any]:
    """The proposal as JSON; portions as short lists, units and provinces named once: there may be 50,000.

    `ends`: when a rule was known to end; it may be ended later, which must not change this answer.
    """
    facts: dict[str, Any] = {name: getattr(proposal, name) for name in Proposal.__dataclass_fields__}
    units = sorted({str(one.unit_id) for one in proposal.portions})
    provinces = sorted({one.province for one in proposal.portions})
    unit_at = {unit: at for at, unit in enumerate(units)}
    province_at = {province: at for at, province in enumerate(provinces)}
    facts["portions"] = [
        [str(one.person_id), province_at[one.province], unit_at[str(one.unit_id)], one.fen, one.assisted_fen]
        for one in proposal.portions
    ]
    used = [[str(owner), key, year, fen] for (owner, key, year), fen in spent_so_far.used.items()]
    ends = {str(rule.id): rule.valid_to for rule in rules if rule.valid_to}
    stood = {"headcounts": spent_so_far.headcounts, "used": used, "ends": ends}
    return facts | {"units": units, "provinces": provinces} | stood


def _proposed(inputs: dict[str, Any]) -> tuple[Proposal, SpentSoFar]:
    units = [UUID(unit) for unit in inputs["units"]]
    portions = [
        Portion(UUID(person), units[unit], inputs["provinces"][province], fen, assisted)
        for person, province, unit, fen, assisted in inputs["portions"]
    ]
    facts = {name: inputs[name] for name in Proposal.__dataclass_fields__ if name != "portions"}
    proposal = msgspec.convert(facts | {"portions": portions}, Proposal)
    used = {(UUID(owner), key, year): fen for owner, key, year, fen in inputs["used"]}
    return proposal, SpentSoFar(inputs["headcounts"], used)
