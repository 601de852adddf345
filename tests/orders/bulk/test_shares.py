"""Money is divided once and without rest, whatever the branches, prices, boxes, spares and what does not come."""

from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.price.pricing import Discount, PriceStep, Rate
from orders.acceptance.rules import Counted, Left, Open, divide
from orders.bulk.joint.demand import Demand, Destination, PackageLine, Payer
from orders.bulk.joint.draw import Drawn, draw
from orders.checkout.facts import Content, Goods, SkuFacts, SupplierFacts, UnitFacts
from shop.core.money import split

SUPPLIER = UUID(int=7)
PACKAGES = [UUID(int=100 + n) for n in range(3)]
SERVED = True
RATES = {SUPPLIER: {"": Rate(SERVED, 1_000, 600, 1_000, 200, 9_900), "31": Rate(SERVED, 3_000, 701, 500, 99, None)}}


def content(sku_id: UUID, allocation_fen: int) -> Content:
    return Content(
        stock_sku_id=sku_id, pieces=1, allocation_fen=allocation_fen, net_grams=500, available=10**9, product_id=sku_id,
        title="货", category="杂粮", vat_basis_points=900, county_code="522633", county_name="从江县", province="贵州",
        made_county_code=None, designations=[], made_designations=[], pairing_unit_ids=[], made_pairing_unit_ids=[],
        producer_id=sku_id, producer_name="合作社（虚构）", recognition_number=None, recognised_once=False,
        papers_expired=False, campaign_id=None, changed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def goods(prices: list[int], allocations: list[int], discount: int) -> Goods:
    """Two plain SKUs and a box of both."""
    contents = [content(UUID(int=n + 1), fen) for n, fen in enumerate(allocations)]
    inside = [[contents[0]], [contents[1]], contents]
    skus = [
        SkuFacts(
            id=UUID(int=n + 1), spec="袋", active=True, net_grams=500 * len(parts), product_id=UUID(int=n + 50),
            title=f"货{n}", category="杂粮", state="listed", ship_months=[], supplier_id=SUPPLIER,
            supplier_name="供应商（虚构）", prices=[PriceStep(UUID(int=n + 70), 1, prices[n])], contents=parts,
        )
        for n, parts in enumerate(inside)
    ]  # fmt: skip
    discounts = [Discount(discount, discount)] if discount else []
    return Goods(skus, [SupplierFacts(SUPPLIER, discounts, None)], None, region_known=True)


def demand(counts: list[list[int]], prices: list[int], shared_by: str, spares: int) -> Demand:
    """counts: per branch, how many of each package. The last payer owns the spares."""
    payers = [
        Payer(
            n,
            "union",
            UUID(int=900 + n),
            "分会",
            UnitFacts(UUID(int=800 + n), "分会", []),
            "抬头",
            None,
            n * 3 + 1,
            owns_spares=False,
        )
        for n in range(len(counts) + 1)
    ]
    places = [Destination("甲", None, "310101" if n % 2 else "522633", f"路{n}") for n in range(len(counts) + 1)]
    for n, branch in enumerate(counts):
        for package, count in enumerate(branch):
            if count:
                places[n].add(n, PACKAGES[package], count)
    if spares:
        places[-1].add(len(counts), PACKAGES[0], spares)
    lines = {
        PACKAGES[0]: [PackageLine(UUID(int=3), 1, prices[2])],
        PACKAGES[1]: [PackageLine(UUID(int=1), 2, prices[0]), PackageLine(UUID(int=2), 1, prices[1])],
        PACKAGES[2]: [PackageLine(UUID(int=1), 1, prices[0])],
    }
    return Demand(payers, places, lines, shared_by)


cases = {
    "counts": st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=6).filter(
        lambda counts: any(map(any, counts))
    ),
    "prices": st.lists(st.integers(0, 99_999), min_size=3, max_size=3),
    "allocations": st.lists(st.integers(0, 9_999), min_size=2, max_size=2),
    "shared_by": st.sampled_from(["packages", "headcount", "fixed"]),
    "spares": st.integers(0, 5),
    "discount": st.integers(0, 3_000),
}


def drawn_of(
    counts: list[list[int]], prices: list[int], allocations: list[int], shared_by: str, spares: int, discount: int
) -> Drawn:
    plan = demand(counts, prices, shared_by, spares)
    return draw(plan, goods(prices, allocations, discount), RATES, ship_on=date(2026, 9, 1))


@settings(max_examples=60, deadline=None)
@given(**cases)
def test_shares_are_the_order(
    counts: list[list[int]], prices: list[int], allocations: list[int], shared_by: str, spares: int, discount: int
) -> None:
    drawn = drawn_of(counts, prices, allocations, shared_by, spares, discount)
    gross = sum(line.gross_fen for line in drawn.lines)
    net = sum(share.net_fen for line in drawn.lines for share in line.shares)
    assert gross - net in {0, discount}
    freight = sum(parcel.freight_fen for parcel in drawn.parcels)
    assert sum(drawn.due_fen.values()) == net + freight
    for number, line in enumerate(drawn.lines):
        assert sum(share.net_fen for share in line.shares) == line.net_fen
        pieces = [piece for share in line.shares for piece in share.pieces]
        assert sum(piece.grams for piece in pieces) == line.sku.net_grams * line.quantity
        inside = sum(one.pieces for one in line.sku.contents)
        assert sum(piece.quantity_milli for piece in pieces) == 1_000 * inside * line.quantity
        assert all(piece.net_fen >= 0 for piece in pieces)
        assert sum(one.pieces for one in drawn.allocated if one.line == number) == line.quantity
        if shared_by == "packages":  # DOMAIN rule 10: each owner of pieces pays, weighted by his pieces
            owners = dict(sorted(line.owners.items()))
            assert [s.net_fen for s in line.shares] == split(line.net_fen, list(owners.values()))
    assert drawn.stock == stock_of(drawn)


def stock_of(drawn: Drawn) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    for line in drawn.lines:
        for one in line.sku.contents:
            found[one.stock_sku_id] = found.get(one.stock_sku_id, 0) + one.pieces * line.quantity
    return found


@settings(max_examples=60, deadline=None)
@given(**cases, gone=st.lists(st.integers(0, 9), min_size=40, max_size=40))
def test_what_is_accepted_and_what_is_gone_are_the_whole(
    counts: list[list[int]], prices: list[int], allocations: list[int], shared_by: str, spares: int, discount: int,
    gone: list[int],
) -> None:  # fmt: skip
    drawn = drawn_of(counts, prices, allocations, shared_by, spares, discount)
    own = shared_by == "packages"
    opened: dict[tuple[UUID, UUID], Open] = {}
    before: dict[UUID, int] = {}
    for number, line in enumerate(drawn.lines):
        for share in line.shares:
            group = (UUID(int=number), UUID(int=share.payer + 1) if own else UUID(int=0))
            milli = 1_000 * (line.owners[share.payer] if own else line.quantity)
            into = opened.setdefault(group, Open(milli))
            for part, piece in enumerate(share.pieces):
                component = UUID(int=number * 1_000 + share.payer * 10 + part + 1)
                before[component] = piece.net_fen
                into.parts.append(
                    Left(group[0], UUID(int=share.payer + 1), component, UUID(int=share.payer + 1), SUPPLIER,
                         piece.net_fen, piece.grams, piece.quantity_milli)
                )  # fmt: skip
    deliveries: dict[int, list[tuple[tuple[UUID, UUID], Counted]]] = {}
    for n, one in enumerate(drawn.allocated):
        group = (UUID(int=one.line), UUID(int=one.payer + 1) if own else UUID(int=0))
        lost = min(one.pieces, gone[n % len(gone)])
        count = Counted(group[0], group[1], (one.pieces - lost) * 1_000, short_milli=lost * 1_000)
        deliveries.setdefault(one.destination, []).append((group, count))
    parts = [part for groups in deliveries.values() for part in divide(opened, groups)]
    assert all(one.fen == one.grams == one.quantity_milli == 0 for left in opened.values() for one in left.parts)
    assert min((min(part.accepted.fen, part.gone.fen) for part in parts), default=0) >= 0
    for component, fen in before.items():
        mine = [part for part in parts if part.component_id == component]
        assert sum(part.accepted.fen + part.gone.fen for part in mine) == fen
