"""Where histories of the credit ledger are played: people and counties of all of them, units of each one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from orders.credit.add_rules import rule_id
from orders.report.question import Question
from shop.access.permissions import Actor, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import derived_id, new_id
from tests.make.credit import Place
from tests.make.evidence import worker
from tests.make.ledger_paper import Component, Facts, Paper, PaperRule
from tests.make.ledger_steps import DECEMBER, YEAR, Sell

FIRST, AFTER = date(YEAR - 1, 9, 1), date(YEAR, 6, 1)
PLACES = [
    Place("522633", "从江县", "贵州省"),
    Place("140225", "浑源县", "山西省"),
    Place("522699", "新从江市", "贵州省"),
    Place("110101", "无名县", "示例省"),
]
"""Two that are designated, the successor of the first, and one that is none."""
PRODUCERS = ["甲合作社（虚构）", "乙合作社（虚构）"]
PAPER, PRODUCT = "ab" * 32, derived_id("product")
QUESTIONS = (
    Question(FIRST, AFTER, ("county", "month")),
    Question(FIRST, AFTER, ("unit", "producer", "kind"), view="sale_day"),
)


@dataclass(frozen=True)
class Stage:
    """What all histories of one database share: two people, counties, producers."""

    database: Database
    first: Actor
    second: Actor


_PREPARED = (
    """INSERT INTO county (code, name, province, source)
    SELECT code, code, '示例省', '示例' FROM unnest(CAST(:codes AS text[])) AS code""",
    """INSERT INTO designation (id, county_code, kind, valid_from, source, confirmed)
    SELECT gen_random_uuid(), code, 'lifted_out', '2020-01-01', '示例', true
    FROM unnest((CAST(:codes AS text[]))[1:2]) AS code""",
    """INSERT INTO evidence (sha256, media_type, bytes, file_name, uploaded_by, at)
    VALUES (:paper, 'application/pdf', 5, '证明.pdf', :user, now())""",
    """INSERT INTO producer (id, name, kind, county_code, source, created_at, confirmed)
    VALUES (:product, '丙合作社（虚构）', 'cooperative', (CAST(:codes AS text[]))[1], '示例', now(), true)""",
    """INSERT INTO supplier (id, name, fictitious, created_at) VALUES (:product, '示例供应商（虚构）', true, now())""",
    """INSERT INTO product (id, code, title, category, producer_id, supplier_id, origin_county_code, state, perishable,
        harvest_months, ship_months, vat_basis_points, source, confirmed, created_at, changed_at)
    VALUES (:product, 'P', '示例小米（虚构）', '杂粮', :product, :product, (CAST(:codes AS text[]))[1], 'draft', false,
        '{}', '{}', 900, '示例', true, now(), now())""",
    "INSERT INTO adjustment_rule VALUES (:december, 366, '示例（虚构）')",
)
_BEGUN = (
    "DELETE FROM county_successor",
    """UPDATE county SET name = n.name, province = n.province
    FROM unnest(CAST(:codes AS text[]), CAST(:counties AS text[]), CAST(:provinces AS text[]))
        AS n(code, name, province)
    WHERE county.code = n.code AND county.name <> n.name""",
    """INSERT INTO unit (id, code, name, valid_from, created_at)
    SELECT id, name, name, '2021-01-01', now()
    FROM unnest(CAST(:units AS uuid[]), CAST(:unit_names AS text[])) AS u(id, name)""",
    """INSERT INTO unit_parent (id, unit_id, parent_id, valid_from)
    SELECT gen_random_uuid(), id, (CAST(:units AS uuid[]))[1], '2021-01-01'
    FROM unnest((CAST(:units AS uuid[]))[2:3]) AS id""",
    """INSERT INTO producer (id, name, kind, county_code, source, created_at, confirmed)
    SELECT id, name, 'cooperative', (CAST(:codes AS text[]))[1], '示例', now(), true
    FROM unnest(CAST(:producers AS uuid[]), CAST(:producer_names AS text[])) AS p(id, name)""",
    """INSERT INTO counting_rule (id, version, valid_from, needs_designation, needs_recognition, includes_freight,
        origin_basis, recognition_point, source)
    VALUES (:rule, :version, '2021-01-01', true, false, false, 'grown', 'paid', '示例口径（虚构）')""",
)


async def staged(database: Database) -> Stage:
    first = await worker(database, Role.STAFF, "all", "*")
    second = await worker(database, Role.STAFF, "all", "*")
    facts = {
        "codes": [place.code for place in PLACES],
        "paper": PAPER,
        "user": first.user_id,
        "product": PRODUCT,
        "december": date(YEAR - 1, 12, 1),
    }
    async with database.transaction() as session:
        for statement in _PREPARED:
            await session.execute(text(statement), facts)
    return Stage(database, first, second)


@dataclass
class Asked:
    """versions: of each component that it is about, when it was asked for."""

    id: UUID
    facts: Mapping[str, Any]
    versions: dict[UUID, int]
    state: str = "requested"


@dataclass
class History:
    """One example: units, producers and rules of its own, so that all share one database."""

    stage: Stage
    paper: Paper
    units: list[UUID]
    unit_names: list[str]
    producers: list[UUID]
    producer_names: list[str]
    county_names: list[str]
    rule: PaperRule
    successor: bool = False
    parents: list[tuple[date, int]] = field(default_factory=lambda: [(date(2021, 1, 1), 0)])
    asked: list[Asked] = field(default_factory=list)
    reports: list[tuple[Question, dict[str, Any]]] = field(default_factory=list)
    moments: list[tuple[datetime, int]] = field(default_factory=list)
    """When so many lines stood on paper."""

    @property
    def database(self) -> Database:
        return self.stage.database

    def moved(self, since: date, to: int) -> None:
        """As the tree keeps it: what held that day ends, and holds again when the next change was planned already."""
        now = next(above for begun, above in reversed(self.parents) if begun <= since)
        if now != to:
            self.parents = sorted([one for one in self.parents if one[0] != since] + [(since, to)])

    def path(self, unit: int, day: date) -> tuple[UUID, ...]:
        """Unit 0 and 3 are the banks; the branches are 1, which may move, and 2."""
        if unit == 1:
            above = next(to for since, to in reversed(self.parents) if since <= day)
            return self.units[1], self.units[3 if above else 0]
        return (self.units[unit],) if unit in {0, 3} else (self.units[2], self.units[0])

    def designated(self, place: int) -> bool:
        return place < 2 or (place == 2 and self.successor)

    def facts(self, step: Sell) -> Facts:
        return Facts(
            county=PLACES[step.place].code,
            county_name=self.county_names[step.place],
            producer=self.producers[step.producer],
            producer_name=self.producer_names[step.producer],
            path=self.path(step.unit, step.day),
            unit_name=self.unit_names[step.unit],
            kind=step.kind,
            rule=self.rule,
            designated=self.designated(step.place),
            reason="donated" if step.donated else None,
        ).judged()

    def put_right(self, of: Component, requested: Mapping[str, Any]) -> Facts:
        """The facts with what is wanted, as they were on the day of the placement."""
        facts = of.facts
        if (place := requested.get("place")) is not None:
            facts = replace(
                facts,
                county=PLACES[place].code,
                county_name=self.county_names[place],
                designated=self.designated(place),
            )
        if (producer := requested.get("producer")) is not None:
            name = self.producer_names[producer]
            facts = replace(facts, producer=self.producers[producer], producer_name=name)
        if (unit := requested.get("unit")) is not None:
            facts = replace(facts, path=self.path(unit, of.placed_on), unit_name=self.unit_names[unit])
        if kind := requested.get("kind"):
            facts = replace(facts, kind=kind)
        if (counted := requested.get("counted")) is not None:
            return replace(facts, reason=None if counted else "donated")
        return facts.judged()


async def begun(stage: Stage) -> History:
    """A tree and producers of its own; what earlier histories did to counties is undone."""
    clock.set_ahead(timedelta(0))
    code = new_id().hex
    history = History(
        stage=stage,
        paper=Paper(*DECEMBER),
        units=[new_id() for _ in range(4)],
        unit_names=[f"{code}-{n}" for n in range(4)],
        producers=[new_id(), new_id()],
        producer_names=[f"{name}{code}" for name in PRODUCERS],
        county_names=[place.name for place in PLACES],
        rule=PaperRule(rule_id(code)),
    )
    facts = {
        "codes": [place.code for place in PLACES],
        "counties": history.county_names,
        "provinces": [place.province for place in PLACES],
        "units": history.units,
        "unit_names": history.unit_names,
        "producers": history.producers,
        "producer_names": history.producer_names,
        "rule": history.rule.id,
        "version": code,
    }
    async with stage.database.transaction() as session:
        for statement in _BEGUN:
            await session.execute(text(statement), facts)
    return history
