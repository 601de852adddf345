"""Unions, their members, and proposals that the rules are asked about."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from orders.spending.add_rules import add_rules, rule_id
from orders.spending.decide import decide
from orders.spending.proposal import Decision, Portion, Proposal
from orders.spending.rule import CONTENT, NewRule, Rule
from orders.spending.take_caps import take_caps
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import derived_id, new_id
from shop.organisation.unions import add_union

DAY = date(2026, 9, 1)
SOURCE = "示例（虚构）测试细则"
BRANCH = derived_id("test branch")


async def union(database: Database, code: str, *, province: str | None = None) -> UUID:
    async with database.transaction() as session:
        return await add_union(
            session, actor=None, code=code, name=f"{code}（虚构）", province=province, now=clock.now()
        )


def new_rule(code: str, kind: str, *, since: date = date(2020, 1, 1), **facts: object) -> NewRule:
    return NewRule(code=code, kind=kind, title=f"{code}", valid_from=since, source_title=SOURCE, **facts)  # type: ignore[arg-type]


def rule(code: str, kind: str, **facts: object) -> Rule:
    return kept(new_rule(code, kind, **facts))


def kept(one: NewRule) -> Rule:
    """As it stands in the table."""
    return Rule(id=rule_id(one), **{name: getattr(one, name) for name in CONTENT})


def ordinary(**tier: object) -> list[NewRule]:
    """What every purchase needs: its purpose and festivals are allowed, and one tier for any amount."""
    return [
        new_rule("P", "purpose", allows=("festival", "birthday", "hardship")),
        new_rule("F", "festival", allows=("spring_festival", "mid_autumn", "dragon_boat")),
        new_rule("T", "tier", **({"from_fen": 0, "approvers": 1, "quotes": 0, "notice_days": 0} | tier)),
    ]


async def ruled(database: Database, *rules: NewRule) -> None:
    async with database.transaction() as session:
        await add_rules(session, actor_id=None, rules=rules, now=clock.now())


def gift(person_id: UUID, fen: int, *, assisted: int | None = None, province: str = "") -> Portion:
    return Portion(person_id, BRANCH, province, fen, fen if assisted is None else assisted)


def proposal(union_id: UUID, portions: Sequence[Portion], **facts: object) -> Proposal:
    """A Mid-Autumn gift of these portions, of union money, decided and paid in September 2026."""
    plain = Proposal(
        purchase_id=new_id(),
        union_id=union_id,
        purpose="festival",
        festival="mid_autumn",
        fund_source="union",
        day=DAY,
        pays_on=DAY,
        festival_year=DAY.year,
        total_fen=sum(one.fen for one in portions),
        assisted_fen=sum(one.assisted_fen for one in portions),
        portions=portions,
    )
    return replace(plain, **facts)  # type: ignore[arg-type]


async def decided(database: Database, asked: Proposal) -> Decision:
    async with database.transaction() as session:
        return await decide(session, asked, now=clock.now())


async def taken(database: Database, decision: Decision) -> None:
    async with database.transaction() as session:
        await take_caps(session, decision.id, now=clock.now())
