"""One payment's life through the official client, against the stand-in, on both of its stores."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
import stripe

from shop.adapters.stripe.carrier import HouseClient
from shop.adapters.stripe.fake.sandbox import Sandbox, sandbox_gateway
from shop.adapters.stripe.fake.state import SandboxRefused
from shop.adapters.stripe.fake.store import Store
from shop.adapters.stripe.gateway import CheckoutLine, GatewayRefused, GatewayUnavailable, OpenCheckout
from shop.adapters.stripe.real import API_VERSION, StripeGateway
from tests.shop.adapters.door import WEBHOOK_SECRET, Clock, Door

pytestmark = pytest.mark.anyio
Build = Callable[..., OpenCheckout]


async def test_open_pay_read(sandbox: Sandbox, door: Door, clock: Clock, requested: Build) -> None:
    asked = requested()
    opened = await sandbox.gateway.open_checkout(asked)
    assert opened.state == "open"
    assert opened.url == f"http://shop.test/sandbox/pay/{asked.payment_id}"
    before = await sandbox.gateway.read_payment(opened.session_id)
    assert (before.state, before.amount_fen, before.provider_payment_id) == ("pending", 10_000, None)

    clock.pass_by(minutes=7)
    page = await sandbox.succeed(asked.payment_id, method="alipay")
    assert page.state == "paid"
    assert page.success_url.endswith(opened.session_id)

    paid = await sandbox.gateway.read_payment(opened.session_id)
    assert (paid.state, paid.payment_id, paid.amount_fen, paid.currency) == (
        "succeeded",
        asked.payment_id,
        10_000,
        "cny",
    )
    assert (paid.succeeded_at, paid.method) == (clock.moment, "alipay")
    (event,) = door.events
    assert (event.kind, event.object_kind, event.object_id) == (
        "checkout.session.completed",
        "checkout.session",
        opened.session_id,
    )
    assert event.created_at == clock.moment


async def test_page_asks_exactly_what_the_order_asks(sandbox: Sandbox, requested: Build) -> None:
    odd = requested(amount_fen=1_000, lines=(CheckoutLine("苹果", 3, 1_000),))
    by_allowance = requested(amount_fen=600, lines=(CheckoutLine("苹果", 2, 1_000),))
    many = requested(amount_fen=101, lines=tuple(CheckoutLine(f"货{n}", 1, 1) for n in range(101)))
    for asked in (odd, by_allowance, many):
        await sandbox.gateway.open_checkout(asked)
    assert (await sandbox.look(odd.payment_id)).lines == (CheckoutLine("苹果 ×3", 1, 1_000),)
    assert (await sandbox.look(by_allowance.payment_id)).lines == (CheckoutLine("订单 20310301-0001", 1, 600),)
    assert (await sandbox.look(many.payment_id)).amount_fen == 101


async def test_same_payment_id_opens_one_page(sandbox: Sandbox, requested: Build) -> None:
    asked = requested()
    seen = await asyncio.gather(*(sandbox.gateway.open_checkout(asked) for _ in range(8)))
    assert len({one.session_id for one in seen}) == 1
    with pytest.raises(GatewayRefused) as refused:
        await sandbox.gateway.open_checkout(requested(asked.payment_id, amount_fen=9_999))
    assert refused.value.code == "idempotency_error"


async def test_page_lives_at_least_half_an_hour(sandbox: Sandbox, clock: Clock, requested: Build) -> None:
    payment_id = uuid4()
    with pytest.raises(GatewayRefused, match="at least 30 minutes"):
        await sandbox.gateway.open_checkout(requested(payment_id, expires_at=clock.moment + timedelta(minutes=29)))
    # what was never begun is not held against the key
    await sandbox.gateway.open_checkout(requested(payment_id, expires_at=clock.moment + timedelta(minutes=31)))


async def test_expires_by_itself(sandbox: Sandbox, door: Door, clock: Clock, requested: Build) -> None:
    opened = await sandbox.gateway.open_checkout(requested())
    clock.pass_by(minutes=30)
    assert (await sandbox.gateway.read_payment(opened.session_id)).state == "cancelled"
    await sandbox.quiet()
    assert door.kinds() == ["checkout.session.expired"]


async def test_expire_answers_what_is(sandbox: Sandbox, requested: Build) -> None:
    first, second = requested(), requested()
    opened, other = await sandbox.gateway.open_checkout(first), await sandbox.gateway.open_checkout(second)
    for _ in range(2):  # already expired is no error
        seen = await sandbox.gateway.expire_checkout(opened.session_id)
        assert (seen.state, seen.url) == ("expired", None)
    await sandbox.succeed(second.payment_id)
    assert (await sandbox.gateway.expire_checkout(other.session_id)).state == "complete"
    with pytest.raises(GatewayRefused) as refused:
        await sandbox.gateway.expire_checkout("cs_test_nothing")
    assert refused.value.code == "resource_missing"


async def test_wallet_that_was_at_work_pays_an_expired_page(
    sandbox: Sandbox, door: Door, clock: Clock, requested: Build
) -> None:
    asked = requested()
    opened = await sandbox.gateway.open_checkout(asked)
    clock.pass_by(hours=1)
    await sandbox.succeed(asked.payment_id)
    seen = await sandbox.gateway.read_payment(opened.session_id)
    assert (seen.state, seen.succeeded_at) == ("succeeded", clock.moment)
    assert door.kinds()[-1] == "checkout.session.async_payment_succeeded"


async def test_failure_is_final(sandbox: Sandbox, door: Door, requested: Build) -> None:
    asked = requested()
    opened = await sandbox.gateway.open_checkout(asked)
    await sandbox.fail(asked.payment_id)
    seen = await sandbox.gateway.read_payment(opened.session_id)
    assert (seen.state, seen.succeeded_at) == ("failed", None)
    assert door.kinds() == ["checkout.session.async_payment_failed"]
    with pytest.raises(SandboxRefused):
        await sandbox.succeed(asked.payment_id)
    with pytest.raises(SandboxRefused):
        await sandbox.succeed(uuid4())
    with pytest.raises(GatewayRefused, match="successful charge"):
        await sandbox.gateway.refund(refund_id=uuid4(), provider_payment_id=str(seen.provider_payment_id), amount_fen=1)


async def test_other_amount_or_currency_shows(sandbox: Sandbox, requested: Build) -> None:
    asked = requested()
    opened = await sandbox.gateway.open_checkout(asked)
    await sandbox.succeed(asked.payment_id, amount_fen=9_999, currency="usd")
    seen = await sandbox.gateway.read_payment(opened.session_id)
    assert (seen.state, seen.amount_fen, seen.currency) == ("succeeded", 9_999, "usd")


async def test_refund_comes_back_by_itself(sandbox: Sandbox, door: Door, clock: Clock, requested: Build) -> None:
    intent = await _paid(sandbox, requested())
    refund_id = uuid4()
    first = await sandbox.gateway.refund(refund_id=refund_id, provider_payment_id=intent, amount_fen=4_000)
    assert (first.state, first.refund_id, first.amount_fen, first.succeeded_at) == ("pending", refund_id, 4_000, None)
    await sandbox.quiet()
    seen = await sandbox.gateway.read_refund(first.provider_refund_id)
    assert (seen.state, seen.succeeded_at, seen.failure_reason) == ("succeeded", clock.moment, None)
    assert sorted(door.kinds()[1:]) == ["charge.refunded", "refund.created", "refund.updated"]

    again = await sandbox.gateway.refund(refund_id=refund_id, provider_payment_id=intent, amount_fen=4_000)
    assert again.provider_refund_id == first.provider_refund_id
    await sandbox.gateway.refund(refund_id=uuid4(), provider_payment_id=intent, amount_fen=6_000)  # nothing went twice


async def test_refund_may_fail_and_leaves_the_money_there(sandbox: Sandbox, door: Door, requested: Build) -> None:
    intent = await _paid(sandbox, requested())
    sandbox.let_refunds_fail(failing=True)
    first = await sandbox.gateway.refund(refund_id=uuid4(), provider_payment_id=intent, amount_fen=10_000)
    await sandbox.quiet()
    seen = await sandbox.gateway.read_refund(first.provider_refund_id)
    assert (seen.state, seen.failure_reason) == ("failed", "expired_or_canceled_card")
    assert "refund.failed" in door.kinds()
    sandbox.let_refunds_fail(failing=False)
    await sandbox.gateway.refund(refund_id=uuid4(), provider_payment_id=intent, amount_fen=10_000)


async def test_never_more_back_than_came_in(sandbox: Sandbox, requested: Build) -> None:
    intent = await _paid(sandbox, requested())

    async def ask(amount_fen: int) -> int:
        try:
            seen = await sandbox.gateway.refund(refund_id=uuid4(), provider_payment_id=intent, amount_fen=amount_fen)
        except GatewayRefused as refused:
            assert refused.code in ("amount_too_large", "charge_already_refunded")  # noqa: PT017
            return 0
        return seen.amount_fen

    assert sum(await asyncio.gather(*(ask(3_000) for _ in range(20)))) == 9_000
    assert await ask(1_001) == 0
    assert await ask(1_000) == 1_000
    assert await ask(1) == 0


async def test_refused_refund_stays_refused_under_its_key(sandbox: Sandbox, requested: Build) -> None:
    intent, refund_id = await _paid(sandbox, requested()), uuid4()
    for _ in range(2):
        with pytest.raises(GatewayRefused) as refused:
            await sandbox.gateway.refund(refund_id=refund_id, provider_payment_id=intent, amount_fen=10_001)
        assert refused.value.code == "amount_too_large"


async def test_another_process_sees_the_same_sandbox(
    sandbox: Sandbox, store: Store, door: Door, clock: Clock, requested: Build
) -> None:
    asked = requested()
    opened = await sandbox.gateway.open_checkout(asked)
    worker = sandbox_gateway(
        store=store, deliver=door.deliver, webhook_secret=WEBHOOK_SECRET, public_url="http://shop.test", now=clock
    )
    await worker.succeed(asked.payment_id)
    assert (await sandbox.gateway.read_payment(opened.session_id)).state == "succeeded"
    assert (await worker.gateway.open_checkout(asked)).session_id == opened.session_id
    await worker.aclose()


async def test_events_repeated_dropped_and_out_of_order(sandbox: Sandbox, door: Door, requested: Build) -> None:
    first, second, third = requested(), requested(), requested()
    for asked in (first, second, third):
        await sandbox.gateway.open_checkout(asked)

    sandbox.courier.mode, sandbox.courier.repeats = "repeated", 10
    await sandbox.succeed(first.payment_id)
    assert len(door.events) == 10
    assert len({event.event_id for event in door.events}) == 1

    sandbox.courier.mode = "dropped"
    await sandbox.succeed(second.payment_id)
    assert len(door.events) == 10

    sandbox.courier.mode = "delayed"
    page = await sandbox.succeed(third.payment_id)
    intent = (await sandbox.gateway.read_payment(page.session_id)).provider_payment_id
    await sandbox.gateway.refund(refund_id=uuid4(), provider_payment_id=str(intent), amount_fen=1)
    await sandbox.quiet()
    assert len(door.events) == 10
    await sandbox.courier.release()
    assert sorted(door.kinds()[10:13]) == ["charge.refunded", "refund.created", "refund.updated"]
    assert door.kinds()[13:] == ["checkout.session.completed"]


async def test_pressing_pay_twice_tells_the_same_event_again(sandbox: Sandbox, door: Door, requested: Build) -> None:
    asked = requested()
    await sandbox.gateway.open_checkout(asked)
    for _ in range(3):
        await sandbox.succeed(asked.payment_id)
    assert len({event.event_id for event in door.events}) == 1
    assert len(door.events) == 3


async def test_event_list_says_what_never_arrived(sandbox: Sandbox, door: Door, clock: Clock, requested: Build) -> None:
    paid, lost = requested(), requested()
    for asked in (paid, lost):
        await sandbox.gateway.open_checkout(asked)
    await sandbox.succeed(paid.payment_id)
    clock.pass_by(minutes=1)
    door.shut = True
    await sandbox.succeed(lost.payment_id)
    events = _client(sandbox).v1.events
    found = await events.list_async({"type": "checkout.session.*", "delivery_success": False})
    assert [event.data.object["metadata"]["payment_id"] for event in found.data] == [str(lost.payment_id)]
    assert isinstance(found.data[0], stripe.Event)
    newest_first = await events.list_async({"types": ["checkout.session.completed"], "limit": 1})
    rest = [event async for event in newest_first.auto_paging_iter()]
    assert [event.created for event in rest] == [int(clock.moment.timestamp()), int(clock.moment.timestamp()) - 60]


async def test_stand_in_is_as_strict_as_stripe(sandbox: Sandbox, requested: Build) -> None:
    http = httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url="http://stripe.test")
    key = sandbox.gateway._secret_key
    mine = {"Authorization": f"Bearer {key}"}
    paid = {
        "mode": "payment",
        "currency": "cny",
        "success_url": "http://shop.test",
        "line_items[0][price_data][currency]": "cny",
        "line_items[0][price_data][unit_amount]": "100",
        "line_items[0][price_data][product_data][name]": "苹果",
    }
    bad = {
        "payment_method_types[0]": ("card", "parameter_unknown"),  # gone from the API
        "api_key": ("sk", "parameter_unknown"),
        "line_items[0][price_data][product_data][phone]": ("1", "parameter_unknown"),
        "line_items[0][quantity]": ("many", None),
        "line_items[1][price_data][unit_amount]": ("1", "parameter_missing"),
        "allowed_payment_method_types[0]": ("wechat_pay", "parameter_missing"),  # wants client=web
        "expand[0]": ("customer", None),
    }
    async with http:
        for name, (value, code) in bad.items():
            answer = await http.post("/v1/checkout/sessions", data=paid | {name: value}, headers=mine)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), name
        answer = await http.post("/v1/checkout/sessions", data=paid, headers=mine)
        assert answer.status_code == 200
        assert (await http.get("/v1/events")).status_code == 401
        assert (await http.get("/v1/events", headers=mine | {"Stripe-Version": "2020-01-01"})).status_code == 400
        assert (await http.get("/v1/customers", headers=mine)).status_code == 404
    wrong = StripeGateway("sk_test_wrong", WEBHOOK_SECRET, transport=httpx.ASGITransport(sandbox.app))
    with pytest.raises(GatewayRefused):
        await wrong.open_checkout(requested())


async def test_sends_nothing_about_people(sandbox: Sandbox, requested: Build) -> None:
    seen: list[bytes] = []

    async def listen(request: httpx.Request) -> httpx.Response:
        seen.append(await request.aread())
        return httpx.Response(401, json={"error": {"type": "invalid_request_error", "message": "no"}})

    gateway = StripeGateway("sk_test_x", WEBHOOK_SECRET, transport=httpx.MockTransport(listen))
    with pytest.raises(GatewayRefused):
        await gateway.open_checkout(requested())
    names = {pair.split(b"=")[0].decode() for pair in seen[0].split(b"&")}
    assert not [n for n in names if any(word in n for word in ("customer", "email", "phone", "shipping", "address"))]


async def test_trouble_on_the_way_is_later_and_not_no(requested: Build, clock: Clock) -> None:
    answers = iter(
        [httpx.Response(500, json={"error": {"type": "api_error"}}), httpx.Response(429, json={"error": {}})]
    )

    def troubled(request: httpx.Request) -> httpx.Response:
        answer = next(answers, None)
        if answer is None:
            raise httpx.ReadTimeout("slow", request=request)
        return answer

    gateway = StripeGateway("sk_test_x", WEBHOOK_SECRET, transport=httpx.MockTransport(troubled), retries=0)
    for _ in range(3):
        with pytest.raises(GatewayUnavailable):
            await gateway.open_checkout(requested())
    proxy = httpx.MockTransport(lambda _: httpx.Response(502, text="<html>bad gateway</html>"))
    with pytest.raises(GatewayUnavailable):
        await StripeGateway("sk_test_x", WEBHOOK_SECRET, transport=proxy, retries=0).read_refund("re_1")


async def test_lost_answer_is_asked_again_under_the_same_key(sandbox: Sandbox, requested: Build) -> None:
    inner, keys = httpx.ASGITransport(sandbox.app), []

    class LosesTheFirstAnswer(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            keys.append(request.headers["Idempotency-Key"])
            answer = await inner.handle_async_request(request)
            if len(keys) == 1:
                raise httpx.ReadError("gone", request=request)
            return answer

    gateway = StripeGateway(sandbox.gateway._secret_key, WEBHOOK_SECRET, transport=LosesTheFirstAnswer())
    asked = requested()
    opened = await gateway.open_checkout(asked)
    assert keys == [str(asked.payment_id)] * 2
    assert opened.session_id == (await sandbox.look(asked.payment_id)).session_id


async def _paid(sandbox: Sandbox, asked: OpenCheckout) -> str:
    """The provider's payment id of a payment that was opened and paid."""
    opened = await sandbox.gateway.open_checkout(asked)
    await sandbox.succeed(asked.payment_id)
    return str((await sandbox.gateway.read_payment(opened.session_id)).provider_payment_id)


def _client(sandbox: Sandbox) -> stripe.StripeClient:
    http = httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app))
    key = sandbox.gateway._secret_key
    return stripe.StripeClient(key, stripe_version=API_VERSION, http_client=HouseClient(http))
