"""Counting rules are added and ended, never changed: every sale was judged by one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.credit.models import COUNTING_DESIGNATIONS, CREDIT_KINDS
from orders.funds.source import FUND_SOURCES
from shop.core.audit import Change, record_change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows


class RuleVersionTaken(Problem):
    """The version is known with other contents: a rule that sales were judged by never changes. Nothing was saved."""

    status = 409
    code = "rule_version_taken"
    title = "这个版本号的口径已经存在且内容不同"


class RuleEnded(Problem):
    """A rule ends once; what was placed under it stays judged by it."""

    status = 409
    code = "rule_ended"
    title = "这条口径已经有结束日期"


class FreightNotCredited(Problem):
    """Credit is net goods; no entry for freight is written, so a rule must not say that it counts."""

    status = 422
    code = "freight_not_credited"
    title = "运费不计入，口径不能写“含运费”"


class RecognitionPointFixed(Problem):
    """When a sale is recognised follows from how it was bought (DOMAIN rule 8), not from a counting rule."""

    status = 422
    code = "recognition_point_fixed"
    title = "确认时点不由口径决定"


FREIGHT_SAID = "本系统只按商品净额计入，运费不计；请写“否”或留空"
POINT_SAID = "个人订单付款时确认，工会集中采购和食堂验收时确认，口径不能改变；请写“付款”或留空"


@dataclass(frozen=True, slots=True)
class NewRule:
    """Business days [valid_from, valid_to); see `CountingRule`.

    includes_freight is False and recognition_point "paid" in every rule that is added: freight is never credited, and
    the point follows from the order. The columns stand for rules that other systems state.
    """

    version: str
    valid_from: date
    source: str
    valid_to: date | None = None
    needs_designation: bool = True
    needs_recognition: bool = True
    includes_freight: bool = False
    origin_basis: str = "grown"
    recognition_point: str = "paid"
    designation_kinds: list[str] = field(default_factory=lambda: list(COUNTING_DESIGNATIONS))
    credit_kinds: list[str] = field(default_factory=lambda: list(CREDIT_KINDS))
    fund_sources: list[str] = field(default_factory=lambda: list(FUND_SOURCES))
    excluded_categories: list[str] = field(default_factory=list)
    minimum_grade: str = "D"


_FACTS = {
    "version": "text", "valid_from": "date", "valid_to": "date", "needs_designation": "boolean",
    "needs_recognition": "boolean", "includes_freight": "boolean", "origin_basis": "text", "recognition_point": "text",
    "source": "text", "designation_kinds": "text[]", "credit_kinds": "text[]", "fund_sources": "text[]",
    "excluded_categories": "text[]", "minimum_grade": "text",
}  # fmt: skip
_OPENED = (
    f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, {', '.join(' '.join(one) for one in _FACTS.items())})"
)
_JUDGED_BY = [name for name in _FACTS if name not in {"version", "valid_to", "source"}]
_ADD = text(f"""
INSERT INTO counting_rule (id, {", ".join(_FACTS)}) SELECT id, {", ".join(_FACTS)} FROM {_OPENED}
ON CONFLICT (version) DO NOTHING
RETURNING version
""")  # noqa: S608  # composed of our own constants
# What was ended since is the same rule.
_SAME = text(f"""
SELECT r.version FROM {_OPENED} JOIN counting_rule c ON c.version = r.version
    AND ({", ".join("c." + name for name in _JUDGED_BY)}) = ({", ".join("r." + name for name in _JUDGED_BY)})
    AND (r.valid_to IS NULL OR c.valid_to = r.valid_to)
""")  # noqa: S608  # as above
# An open rule ends where the next one begins: rows lie one after the other.
_SUCCEED = text("""
UPDATE counting_rule c SET valid_to = n.valid_from
FROM (SELECT id, lead(valid_from) OVER (ORDER BY valid_from, version) AS valid_from FROM counting_rule) n
WHERE n.id = c.id AND c.valid_to IS NULL AND n.valid_from > c.valid_from
RETURNING c.version, c.valid_to
""")
_END = text("""
UPDATE counting_rule SET valid_to = :valid_to WHERE id = :id AND valid_to IS NULL AND valid_from < :valid_to
RETURNING version
""")
_KNOWN = text("SELECT version, valid_from, valid_to FROM counting_rule WHERE id = :id")


async def add_rules(session: WriteSession, *, actor_id: UUID | None, rules: Sequence[NewRule], now: datetime) -> None:
    """Keep rules by version; the same one again is success. An open rule ends where a later one begins.

    What was placed before keeps the rule that was frozen with it. Raises RuleVersionTaken, FreightNotCredited,
    RecognitionPointFixed.
    """
    _can_be_kept(rules)
    rows = as_rows(msgspec.to_builtins(one) | {"id": str(rule_id(one.version))} for one in rules)
    added = set((await session.execute(_ADD, {"rows": rows})).scalars())
    same = set((await session.execute(_SAME, {"rows": rows})).scalars())
    taken = [
        Detail(f"/{i}/version", RuleVersionTaken.code, f"版本 {one.version} 已存在且内容不同，请换一个版本号")
        for i, one in enumerate(rules)
        if one.version not in same
    ]
    if taken:
        raise RuleVersionTaken(errors=taken)
    ended = (await session.execute(_SUCCEED)).all() if added else []
    changes = [
        Change("counting_rule.add", f"counting_rule:{one.version}", None, msgspec.to_builtins(one))
        for one in rules
        if one.version in added
    ] + [
        Change(
            "counting_rule.end",
            f"counting_rule:{row.version}",
            {"valid_to": None},
            {"valid_to": str(row.valid_to)},
            "后一版口径生效",
        )
        for row in ended
    ]
    await record_changes(session, changes, actor_id=actor_id, now=now)


def _can_be_kept(rules: Sequence[NewRule]) -> None:
    """Nothing is promised that no verb carries out."""
    freight = [i for i, one in enumerate(rules) if one.includes_freight]
    if freight:
        pointers = [Detail(f"/{i}/includes_freight", FreightNotCredited.code, FREIGHT_SAID) for i in freight]
        raise FreightNotCredited(FREIGHT_SAID + "。", pointers)
    points = [i for i, one in enumerate(rules) if one.recognition_point != "paid"]
    if points:
        pointers = [Detail(f"/{i}/recognition_point", RecognitionPointFixed.code, POINT_SAID) for i in points]
        raise RecognitionPointFixed(POINT_SAID + "。", pointers)


def rule_id(version: str) -> UUID:
    return derived_id("counting_rule", version)


async def end_rule(
    session: WriteSession, *, actor_id: UUID, rule_id: UUID, valid_to: date, reason: str, now: datetime
) -> None:
    """The rule holds until the day before `valid_to`. Raises NotFound, RuleEnded."""
    version = await session.scalar(_END, {"id": rule_id, "valid_to": valid_to})
    if version is None:
        rule = (await session.execute(_KNOWN, {"id": rule_id})).one_or_none()
        if rule is None:
            raise NotFound("没有这条口径。")
        raise RuleEnded(
            f"它的有效期是 {rule.valid_from} 至 {rule.valid_to or '（未定）'}（不含），请核对结束日期。",
            [Detail("/valid_to", RuleEnded.code, "只能结束一次，且须晚于开始日期")],
        )
    await record_change(
        session,
        actor_id=actor_id,
        action="counting_rule.end",
        subject=f"counting_rule:{version}",
        before={"valid_to": None},
        after={"valid_to": str(valid_to)},
        reason=reason,
        now=now,
    )
