"""Two units say a sale is theirs: the first stays counted, the later is held, and a second person decides."""

import pytest

from tests.make.caller import refused
from tests.make.intake import BANK, BRANCH, MARKET, PLATFORM, SALE_DAY, TODAY, IntakeDesk, Line, refund

pytestmark = pytest.mark.anyio


async def claimed(desk: IntakeDesk, *more: Line) -> str:
    """The branch has N1; then a file of the bank's says N1 is the bank's own."""
    await desk.imported([Line(unit=BRANCH)])
    done = await desk.imported([Line(unit=BANK, fund_source="行政"), Line(number="N2", unit=BANK), *more])
    assert (done["sales"], done["held"], done["held_fen"]) == (1, 1 + len(more), 10_000)
    (claim,) = await desk.claims()
    return str(claim["id"])


async def test_the_later_claim_is_held_and_its_batch_still_confirms(desk: IntakeDesk) -> None:
    await desk.imported([Line(unit=BRANCH)])
    batch = await desk.staged([Line(unit=BANK), Line(number="N2", unit=BANK)])
    (waiting,) = (await desk.batch(batch))["claims"]
    assert (waiting["state"], waiting["unit"]["name"], waiting["first"]["name"]) == ("waiting", BANK, BRANCH)
    await desk.confirm(batch)
    (claim,) = (await desk.batch(batch))["claims"]
    assert (claim["state"], claim["why"], claim["amount_fen"]) == ("open", "same_line", 10_000)
    assert (claim["unit"]["name"], claim["first"]["name"]) == (BANK, BRANCH)
    assert await desk.sums("unit_name") == [(BRANCH, 10_000), (BANK, 10_000)]
    again = await desk.imported([Line(unit=BANK), Line(number="N3", unit=BANK)])
    assert (again["held"], again["repeated"]) == (0, 1), "the same claim again is no second claim"
    assert len(await desk.claims()) == 1


async def test_an_invoice_claimed_in_another_channel_is_held(desk: IntakeDesk) -> None:
    invoice = "26112000000000000001"
    await desk.imported([Line(unit=BRANCH, invoice_number=invoice)])
    other = Line(number="M1", unit=BANK, invoice_number=invoice, day=str(TODAY))  # each channel has a day of its own
    done = await desk.imported([other, Line(number="M2", unit=BANK, invoice_number=invoice, amount="99.00")], MARKET)
    assert (done["sales"], done["held"]) == (1, 1), "another amount on the same invoice is another line of it"
    (claim,) = await desk.claims()
    assert (claim["why"], claim["number"], claim["channel"]) == ("same_invoice", "M1", MARKET)
    assert (await desk.decide(claim["id"], "later")).status_code == 200
    assert await desk.sums("channel", "unit_name") == [(PLATFORM, BANK, 10_000), (MARKET, BANK, 9_900)]
    await desk.imported([refund("M1", "40.00", unit=BANK)], MARKET)
    assert await desk.sums("channel") == [(PLATFORM, 6_000), (MARKET, 9_900)]


async def test_for_the_first_nothing_moves(desk: IntakeDesk) -> None:
    claim = await claimed(desk)
    before = await desk.sums("unit_name", "kind")
    refused(await desk.decide(claim, "first", by=desk.one), 409, "second_person_needed")
    refused(await desk.decide(claim, "first", by=desk.local), 404, "not_found")
    assert (await desk.decide(claim, "first")).status_code == 200
    assert (await desk.decide(claim, "first")).status_code == 200
    refused(await desk.decide(claim, "later"), 409, "already_decided")
    assert await desk.sums("unit_name", "kind") == before
    again = await desk.imported([Line(unit=BANK), refund(unit=BANK)])
    assert (again["repeated"], again["set_aside"]) == (1, 1)
    assert await desk.sums("unit_name", "kind") == before


async def test_for_the_later_what_remains_moves(desk: IntakeDesk) -> None:
    claim = await claimed(desk)
    await desk.imported([refund(amount="25.00", unit=BRANCH)])
    assert (await desk.decide(claim, "later")).status_code == 200
    assert await desk.sums("unit_name", "kind", "fund_source", "occurred_on") == [
        (BRANCH, "refund", "canteen", TODAY, -2_500),
        (BRANCH, "reversal", "canteen", SALE_DAY, -7_500),
        (BRANCH, "sale", "canteen", SALE_DAY, 10_000),
        (BANK, "repost", "administration", SALE_DAY, 7_500),
        (BANK, "sale", "canteen", SALE_DAY, 10_000),
    ]
    problem = refused(await desk.upload_lines([refund(of="R2", unit=BRANCH)]), 422, "import_refused")
    assert BANK in problem["detail"]
    await desk.imported([refund(of="R2", amount="75.00", unit=BANK)])
    assert await desk.sums("unit_name") == [(BANK, 10_000)]
    repeated = await desk.imported([Line(unit=BRANCH), Line(unit=BANK)])
    assert repeated["repeated"] == 2, "neither unit's row opens the case again"


async def test_refunds_of_a_held_claim_wait_for_the_decision(desk: IntakeDesk) -> None:
    claim = await claimed(desk, refund(amount="10.00", unit=BANK))
    assert await desk.sums("unit_name", "kind") == [(BRANCH, "sale", 10_000), (BANK, "sale", 10_000)]
    assert (await desk.decide(claim, "later")).status_code == 200
    assert await desk.sums("unit_name") == [(BANK, 19_000)]


async def test_a_waiting_refund_above_what_remains_stops_the_decision(desk: IntakeDesk) -> None:
    claim = await claimed(desk, refund(amount="60.00", unit=BANK))
    await desk.imported([refund(amount="50.00", of="R9", unit=BRANCH)])
    before = await desk.sums("unit_name", "kind")
    refused(await desk.decide(claim, "later"), 409, "changed_meanwhile")
    assert await desk.sums("unit_name", "kind") == before
    assert (await desk.decide(claim, "first")).status_code == 200


async def test_two_lines_of_one_invoice_find_two_sales(desk: IntakeDesk) -> None:
    invoice = "26112000000000000002"
    await desk.imported([Line(line=n, unit=BRANCH, invoice_number=invoice) for n in ("1", "2")])
    done = await desk.imported([Line("M1", line=n, unit=BRANCH, invoice_number=invoice) for n in ("1", "2")], MARKET)
    assert (done["held"], done["held_fen"]) == (2, 20_000), "also of one and the same unit: one yuan counts once"
    for claim in await desk.claims():
        assert (await desk.decide(claim["id"], "later")).status_code == 200
    assert await desk.sums("unit_name") == [(BRANCH, 20_000)]
