"""Sales and refunds in the credit ledger: frozen attribution as rows, entries through the real door."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import text

from orders.credit.models import Attribution
from orders.credit.record import Grade, Recognised, record
from orders.month.models import SHOP
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import derived_id, new_id


@dataclass(frozen=True)
class Place:
    code: str
    name: str
    province: str


CONGJIANG = Place("522633", "从江县", "贵州省")
HUNYUAN = Place("140225", "浑源县", "山西省")
XIANFENG = Place("422826", "咸丰县", "湖北省")


@dataclass(frozen=True, kw_only=True)
class Given:
    """Given back: positive figures."""

    on: date
    fen: int
    grams: int = 0
    milli: int = 0
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True)
class Sale:
    """One share component sold on a day for so many fen. path: the credited unit and everything above it."""

    on: date
    fen: int
    path: Sequence[UUID] = ()
    unit_name: str | None = None
    place: Place = CONGJIANG
    designations: Sequence[str] = ("lifted_out",)
    pairings: Sequence[UUID] = ()
    kind: str = "direct_purchase"
    grade: Grade = "A"
    reason: str | None = None
    person: UUID | None = field(default_factory=new_id)
    order: UUID = field(default_factory=new_id)
    union: UUID | None = None
    campaign: UUID | None = None
    fund_source: str = "personal"
    channel: str = "shop"
    producer: str = "示例合作社（虚构）"
    supplier: str = "示例供应商（虚构）"
    category: str = "杂粮"
    grams: int = 500
    milli: int = 1_000
    rule: UUID | None = None
    given: Sequence[Given] = ()
    id: UUID = field(default_factory=new_id)


async def enter(database: Database, *sales: Sale) -> None:
    """Freeze and credit them, refunds too, in one transaction."""
    async with database.transaction() as session:
        session.add_all([frozen(sale) for sale in sales])
        await session.flush()
        await record(session, [row for sale in sales for row in recognised(sale)], now=clock.now())


def frozen(sale: Sale) -> Attribution:
    return Attribution(
        id=sale.id, order_line_id=sale.order, order_id=sale.order, person_id=sale.person, credit_kind=sale.kind,
        buyer_kind="employee" if sale.kind == "direct_purchase" else "outside",
        unit_id=sale.path[0] if sale.path else None,
        unit_name=(sale.unit_name or "示例单位（虚构）") if sale.path else None,
        unit_path=list(sale.path), union_id=sale.union, fund_source=sale.fund_source, channel=sale.channel,
        campaign_id=sale.campaign, county_code=sale.place.code, county_name=sale.place.name,
        province=sale.place.province, designations=list(sale.designations), pairing_unit_ids=list(sale.pairings),
        producer_id=producer_id(sale.producer), producer_name=sale.producer, supplier_id=derived_id(sale.supplier),
        supplier_name=sale.supplier, product_id=derived_id("product"), category=sale.category, rule_id=sale.rule,
        counted=sale.reason is None, not_counted_reason=sale.reason, placed_on=sale.on,
    )  # fmt: skip


def producer_id(name: str) -> UUID:
    return derived_id("producer", name.partition("，")[0])


def recognised(sale: Sale) -> Iterable[Recognised]:
    yield Recognised(
        "sale", derived_id("payment", sale.id), sale.id, sale.fen, sale.grams, sale.milli, sale.on, sale.on, sale.grade
    )
    for given in sale.given:
        yield Recognised(
            "refund", given.id, sale.id, -given.fen, -given.grams, -given.milli, given.on, sale.on, sale.grade
        )


def first_of(month: int) -> date:
    return clock.first_of(month)


async def shut(
    database: Database,
    closer: UUID,
    *months: int,
    unit: UUID = SHOP,
    state: str = "closed",
    until: date | None = None,
) -> None:
    """Months of a top unit (the shop's own) that take nothing any more, without their list of what was open."""
    async with database.transaction() as session:
        await session.execute(
            text("""INSERT INTO unit_month (unit_id, month, state, adjusts_until, closed_by, closed_at, was_open)
                SELECT :unit, month, :state, :until, :closer, now(), '{}' FROM unnest(CAST(:months AS int[])) AS month
                ON CONFLICT (unit_id, month) DO UPDATE SET state = excluded.state, closed_by = excluded.closed_by,
                    adjusts_until = excluded.adjusts_until, closed_at = excluded.closed_at, was_open = '{}'"""),
            {"unit": unit, "state": state, "until": until, "closer": closer, "months": list(months)},
        )
