"""New rules, and the end of old ones. What a rule said never changes: a new version is a new row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.spending.rule import CONTENT, NewRule, content_of
from orders.spending.words import ALLOWS_WORDS
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "cap": ("amount_fen", "basis", "cap_window"),
    "cap_year": ("year_of",),
    "top_up": ("amount_fen", "lapses_on"),
    "assisted_share": ("basis_points",),
    "assisted_per_head": ("amount_fen",),
    "tier": ("from_fen", "approvers", "quotes", "notice_days"),
    "directed": ("allows",),
    "purpose": ("allows",),
    "festival": ("allows",),
    "goods_only": (),
    "max_packages": ("packages",),
    "fund_source": ("allows",),
    "skip": ("step", "reason"),
    "reserved_share": ("basis_points",),
}
"""What a rule of each kind must say; the table's own CHECK asks the same."""


class RuleTaken(Problem):
    """The code has a version from that day with other contents, or one in force later. Nothing was saved."""

    status = 409
    code = "spending_rule_taken"
    title = "这个编号在这些日子里已有规则"


class RuleIncomplete(Problem):
    """It lacks what its kind needs, or contradicts itself. Nothing was saved."""

    status = 422
    code = "spending_rule_incomplete"
    title = "规则填写有误"


class RuleEnded(Problem):
    """A rule ends once."""

    status = 409
    code = "spending_rule_ended"
    title = "这条规则已经结束"


_NAMES: Final = ", ".join(CONTENT)
_END_OLDER = text("""
UPDATE spending_rule o SET valid_to = r.valid_from
FROM (SELECT code, min(valid_from) AS valid_from
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, code text, valid_from date)
      WHERE NOT EXISTS (SELECT FROM spending_rule known WHERE known.id = r.id) GROUP BY code) r
WHERE o.code = r.code AND o.valid_to IS NULL AND o.valid_from < r.valid_from
RETURNING o.id, o.valid_to
""")
_ADD = text(f"""
INSERT INTO spending_rule (id, {_NAMES}, recorded_at)
SELECT id, {_NAMES}, :now FROM jsonb_populate_recordset(NULL::spending_rule, CAST(:rows AS jsonb))
ORDER BY code, valid_from
ON CONFLICT DO NOTHING
RETURNING id
""")  # noqa: S608  # composed of our own constants
_KNOWN = text("SELECT * FROM spending_rule WHERE id = ANY(:ids)")
_END = text("""
UPDATE spending_rule SET valid_to = :valid_to WHERE id = :rule_id AND valid_to IS NULL AND valid_from < :valid_to
RETURNING code
""")


async def add_rules(
    session: WriteSession, *, actor_id: UUID | None, rules: Sequence[NewRule], now: datetime
) -> list[UUID]:
    """Keep rules; an open older version of the same code ends where the new one begins. The ids, in the same order.

    The same rule again is success. Raises RuleIncomplete, RuleTaken.
    """
    _complete(rules)
    ids = [rule_id(one) for one in rules]
    rows = as_rows(msgspec.to_builtins(_until_next(one, rules)) | {"id": str(rule_id(one))} for one in rules)
    ended = (await session.execute(_END_OLDER, {"rows": rows})).all()
    added = set((await session.execute(_ADD, {"rows": rows, "now": now})).scalars())
    known = {row.id: row for row in await session.execute(_KNOWN, {"ids": ids})}
    taken = [
        Detail(
            f"/{i}/code",
            RuleTaken.code,
            f"编号 {one.code} 从 {one.valid_from} 起已有内容不同的版本，请换一个编号或开始日期",
        )
        for i, one in enumerate(rules)
        if ids[i] not in known or not _same(one, known[ids[i]])
    ]
    if taken:
        raise RuleTaken("已有的规则不能改动；新版本请用新的开始日期。", taken)
    await record_changes(
        session,
        [
            *(_ending(row.id, row.valid_to, "由新版本接替") for row in ended),
            *(
                Change("spending_rule.add", f"spending_rule:{rule_id(one)}", None, msgspec.to_builtins(one))
                for one in rules
                if rule_id(one) in added
            ),
        ],
        actor_id=actor_id,
        now=now,
    )
    return ids


def rule_id(one: NewRule) -> UUID:
    return derived_id("spending_rule", one.code, one.valid_from)


async def end_rule(
    session: WriteSession, *, actor_id: UUID | None, rule_id: UUID, valid_to: date, reason: str, now: datetime
) -> None:
    """The rule holds until the day before `valid_to`. Raises NotFound, RuleEnded, RuleIncomplete (before it began)."""
    asked = {"rule_id": rule_id, "valid_to": valid_to}
    if (await session.execute(_END, asked)).one_or_none() is None:
        known = (await session.execute(_KNOWN, {"ids": [rule_id]})).one_or_none()
        if known is None:
            raise NotFound("没有这条规则。")
        if known.valid_to is None:
            said = f"规则从 {known.valid_from} 开始，结束日期必须更晚"
            raise RuleIncomplete(said, [Detail("/valid_to", "too_early", said)])
        raise RuleEnded(f"它在 {known.valid_to} 已经结束，不能再改。需要新的规定，请另加一条。")
    await record_changes(session, [_ending(rule_id, valid_to, reason)], actor_id=actor_id, now=now)


def _ending(rule_id: UUID, valid_to: date, reason: str) -> Change:
    return Change(
        "spending_rule.end",
        f"spending_rule:{rule_id}",
        {"valid_to": None},
        {"valid_to": valid_to.isoformat()},
        reason,
    )


def _complete(rules: Sequence[NewRule]) -> None:
    wrong = [
        Detail(f"/{i}/{name}", RuleIncomplete.code, said) for i, one in enumerate(rules) for name, said in _wrong(one)
    ]
    if wrong:
        raise RuleIncomplete("请改正后重新提交，什么都没有保存。", wrong)


def _wrong(one: NewRule) -> Iterator[tuple[str, str]]:
    for name in NEEDED[one.kind]:
        if getattr(one, name) in (None, ()):
            yield name, "这种规则必须填写这一项"
    words = ALLOWS_WORDS.get(one.kind, {})
    if unknown := [code for code in one.allows if code not in words]:
        yield "allows", f"“{'、'.join(unknown)}”不是这种规则可以允许的内容"
    if one.valid_to is not None and one.valid_to <= one.valid_from:
        yield "valid_to", "结束日期（不含）必须晚于开始日期"
    if one.below_fen is not None and one.below_fen <= (one.from_fen or 0):
        yield "below_fen", "金额止（不含）必须大于金额起"


def _until_next(one: NewRule, rules: Sequence[NewRule]) -> NewRule:
    """Several versions in one file: each holds until the next begins."""
    if one.valid_to is not None:
        return one
    later = [other.valid_from for other in rules if other.code == one.code and other.valid_from > one.valid_from]
    return replace(one, valid_to=min(later, default=None))


def _same(one: NewRule, row: Any) -> bool:
    """Whether a kept row says what the new one says; it may have ended since."""
    return replace(one, valid_to=row.valid_to) == content_of(row) and one.valid_to in {None, row.valid_to}
