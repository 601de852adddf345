"""Random histories: rollup and entries say the same, rows add up, and a second, naive reckoning agrees."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.credit.check import differences
from orders.credit.fold import fold
from orders.credit.models import NOT_COUNTED_REASONS
from orders.report.question import KEYS, VIEWS, Key, Question, View
from orders.report.sales import sales
from orders.report.tick import look
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import CONGJIANG, HUNYUAN, XIANFENG, Given, Sale, enter
from tests.make.report import published
from tests.make.units import unit

pytestmark = pytest.mark.anyio

YEAR = clock.today().year
FIRST, AFTER = date(YEAR - 1, 10, 1), date(YEAR, 5, 1)
DAYS = st.dates(FIRST, date(YEAR, 4, 30))
FEN = ("direct_purchase_fen", "assisted_sale_fen", "credited_fen", "unverified_fen", "refunded_fen", "grams", "orders")


@dataclass(frozen=True)
class Tree:
    """halfway: a moment between the two commits of what was sold."""

    bank: UUID
    branches: tuple[UUID, UUID]
    halfway: datetime | None = None

    @property
    def paths(self) -> tuple[tuple[UUID, ...], ...]:
        return ((self.bank,), *((branch, self.bank) for branch in self.branches))


DRAWN = Tree(new_id(), (new_id(), new_id()))
"""Units that histories are drawn with; each example puts new ones in their place."""
ORDERS, PEOPLE = [new_id() for _ in range(8)], [new_id() for _ in range(8)]


@st.composite
def drawn_sale(draw: st.DrawFn) -> Sale:
    day = draw(DAYS)
    fen, grams, milli = draw(st.integers(0, 10**7)), draw(st.integers(0, 10**5)), draw(st.integers(0, 5)) * 1_000
    given_back = [
        Given(on=max(day, draw(DAYS)), fen=draw(st.integers(0, fen // 2)), grams=draw(st.integers(0, grams // 2)))
        for _ in range(draw(st.integers(0, 2)))
    ]
    return Sale(
        on=day,
        fen=fen,
        grams=grams,
        milli=milli,
        path=draw(st.sampled_from(DRAWN.paths)),
        place=draw(st.sampled_from((CONGJIANG, HUNYUAN, XIANFENG))),
        designations=draw(
            st.lists(st.sampled_from(("lifted_out", "provincial", "emergency")), unique=True, min_size=1)
        ),
        pairings=draw(st.lists(st.sampled_from((DRAWN.bank, *DRAWN.branches)), unique=True)),
        kind=draw(st.sampled_from(("direct_purchase", "assisted_sale"))),
        grade=draw(st.sampled_from(("A", "B", "C", "D"))),
        reason=draw(st.none() | st.sampled_from(NOT_COUNTED_REASONS)),
        person=draw(st.none() | st.sampled_from(PEOPLE)),
        order=draw(st.sampled_from(ORDERS)),
        fund_source=draw(st.sampled_from(("personal", "union"))),
        producer=draw(st.sampled_from(("甲合作社（虚构）", "乙合作社（虚构）"))),
        category=draw(st.sampled_from(("杂粮", "茶叶"))),
        given=given_back,
    )


histories = st.lists(drawn_sale(), max_size=14)
folds = st.lists(st.sampled_from((0, 3, 1_000)), min_size=2, max_size=2)
questions = st.builds(
    lambda keys, kind, county, view, months: Question(
        since=_first(months[0]), until=_first(months[1]), group_by=tuple(keys), kind=kind, county=county, view=view
    ),
    keys=st.lists(st.sampled_from(("county", "province", "month", "quarter", "half_year", "year", "kind")),
                  unique=True, max_size=4),
    kind=st.none() | st.sampled_from(("direct_purchase", "assisted_sale")),
    county=st.none() | st.sampled_from(("522633", "140225")),
    view=st.sampled_from(("event_day", "event_day", "sale_day")),
    months=st.lists(st.integers(0, 7), min_size=2, max_size=2, unique=True).map(sorted),
)  # fmt: skip


def _first(months: int) -> date:
    month = clock.add_months(FIRST.year * 100 + FIRST.month, months)
    return date(month // 100, month % 100, 1)


async def entered(database: Database, drawn: list[Sale], folded: list[int]) -> Tree:
    """A new bank for each example, since they share a database and a bank sees only its own.

    Sales come in two commits, some of what was appended is folded already.
    """
    code = new_id().hex
    bank = await unit(database, code)
    tree = Tree(bank, (await unit(database, f"{code}-1", under=bank), await unit(database, f"{code}-2", under=bank)))
    now = dict(zip((DRAWN.bank, *DRAWN.branches), (tree.bank, *tree.branches), strict=True))
    sales_ = [
        replace(
            sale,
            id=new_id(),
            path=[now[one] for one in sale.path],
            pairings=[now[one] for one in sale.pairings],
            given=[replace(given, id=new_id()) for given in sale.given],
        )
        for sale in drawn
    ]
    halfway = None
    for part, batch in zip((sales_[::2], sales_[1::2]), folded, strict=True):
        await enter(database, *part)
        async with database.transaction() as session:
            await fold(session, batch=batch)
        if halfway is None and await look(database):
            halfway = clock.now()
            await look(database)
    return replace(tree, halfway=halfway)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=histories, folded=folds, asked=st.lists(questions, min_size=4, max_size=4))
async def test_rollup_and_entries_give_the_same_report(
    database: Database, drawn: list[Sale], folded: list[int], asked: list[Question]
) -> None:
    tree = await entered(database, drawn, folded)
    for one in asked:
        for about in (tree.bank, tree.branches[0]):
            await published(database, replace(one, unit=about))
    async with database.reading() as session:
        assert await differences(session) == []


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    drawn=histories,
    folded=folds,
    keys=st.lists(st.sampled_from(KEYS), unique=True, min_size=1, max_size=4),
    view=st.sampled_from(VIEWS),
)
async def test_rows_add_up_to_the_totals_whatever_they_are_grouped_by(
    database: Database, drawn: list[Sale], folded: list[int], keys: list[Key], view: View
) -> None:
    tree = await entered(database, drawn, folded)
    question = Question(FIRST, AFTER, tuple(keys), unit=tree.bank, view=view)
    report = await published(database, question)
    totals = report["totals"]
    for name in FEN[:-1]:
        assert sum(row[name] for row in report["rows"]) == totals[name], name
    assert totals["credited_fen"] == totals["direct_purchase_fen"] + totals["assisted_sale_fen"]
    headline = [sale for sale in drawn if sale.reason is None and sale.grade != "D"]
    assert totals["credited_fen"] == sum(net(sale) for sale in headline)
    assert totals["refunded_fen"] == sum(given.fen for sale in headline for given in sale.given)
    assert totals["unverified_fen"] == sum(net(sale) for sale in drawn if sale.reason is None and sale.grade == "D")
    refused: Counter[str] = Counter()
    for sale in drawn:
        if sale.reason is not None:
            refused[sale.reason] += net(sale)
    assert {row["reason"]: row["amount_fen"] for row in report["not_counted"]} == dict(refused)
    assert report["recognised_fen"] == sum(map(net, drawn))
    bought = len({sale.person for sale in headline if sale.person})
    assert totals["participants"] == (None if 0 < bought < 5 else bought)
    assert totals["orders"] == len({sale.order for sale in headline})
    assert all(row["orders"] <= totals["orders"] for row in report["rows"])
    if tree.halfway:
        earlier = await sales(database, replace(question, known_at=tree.halfway), actor=None, now=clock.now())
        assert earlier.recognised_fen == sum(map(net, drawn[::2])), "what was known halfway"


def net(sale: Sale) -> int:
    return sale.fen - sum(given.fen for given in sale.given)
