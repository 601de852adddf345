"""Stripe's addresses, as a small ASGI app: keys, versions, idempotency and errors behave as they do there."""

import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from stripe.params import (
    DisputeListParams,
    DisputeRetrieveParams,
    EventListParams,
    PaymentIntentRetrieveParams,
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
)
from stripe.params.checkout import SessionCreateParams, SessionExpireParams, SessionRetrieveParams

from shop.adapters.stripe.fake.check import Refusal, checked
from shop.adapters.stripe.fake.deliver import Courier
from shop.adapters.stripe.fake.objects import shown, token_of
from shop.adapters.stripe.fake.state import World, check_refund, check_session
from shop.adapters.stripe.fake.store import Body, Store, StoreUnavailable
from shop.adapters.stripe.real import API_VERSION

_EXPANDABLE = {
    "payment_intent": ("checkout.session", "charge", "refund"),
    "latest_charge": ("payment_intent",),
    "charge": ("refund",),
}
Answer = Callable[[Request], Awaitable[Response]]
Act = Callable[[World], Awaitable[Body]]


@dataclass
class StandIn:
    """One pretended Stripe account. refunds_fail: whether refunds made from now on end as failed."""

    store: Store
    courier: Courier
    now: Callable[[], datetime]
    public_url: str
    secret_key: str
    refunds_fail: bool = False

    def seconds(self) -> int:
        return int(self.now().timestamp())

    def app(self) -> Starlette:
        routes = [
            ("POST", "/v1/checkout/sessions", self.create_session),
            ("GET", "/v1/checkout/sessions/{id}", self.retrieve_session),
            ("POST", "/v1/checkout/sessions/{id}/expire", self.expire_session),
            ("GET", "/v1/payment_intents/{id}", self.retrieve_intent),
            ("POST", "/v1/refunds", self.create_refund),
            ("GET", "/v1/refunds", self.list_refunds),
            ("GET", "/v1/refunds/{id}", self.retrieve_refund),
            ("GET", "/v1/disputes", self.list_disputes),
            ("GET", "/v1/disputes/{id}", self.retrieve_dispute),
            ("GET", "/v1/events", self.list_events),
        ]
        return Starlette(
            routes=[Route(path, self._guarded(answer), methods=[method]) for method, path, answer in routes],
            exception_handlers={HTTPException: _unknown_address},
        )

    async def create_session(self, request: Request) -> Response:
        requested = checked(SessionCreateParams, await _form(request))
        return await self._once(
            request,
            (),
            requested,
            lambda: check_session(requested, self.seconds()),
            lambda world: world.open_session(requested, public_url=self.public_url),
        )

    async def retrieve_session(self, request: Request) -> Response:
        return await self._read(request, SessionRetrieveParams, lambda world: world.session(request.path_params["id"]))

    async def expire_session(self, request: Request) -> Response:
        session_id = request.path_params["id"]
        requested = checked(SessionExpireParams, await _form(request))
        return await self._once(
            request, (token_of(session_id),), requested, lambda: None, lambda world: world.expire_session(session_id)
        )

    async def retrieve_intent(self, request: Request) -> Response:
        intent_id = request.path_params["id"]
        return await self._read(request, PaymentIntentRetrieveParams, lambda world: world.intent(intent_id))

    async def create_refund(self, request: Request) -> Response:
        requested = checked(RefundCreateParams, await _form(request))
        check_refund(requested)
        response = await self._once(
            request,
            (token_of(requested["payment_intent"]),),
            requested,
            lambda: None,
            lambda world: world.open_refund(requested, will_fail=self.refunds_fail),
        )
        if response.status_code == 200:  # the wallet takes a moment, then the money is back
            self.courier.start(self.end_refund(json.loads(bytes(response.body))["id"]))
        return response

    async def retrieve_refund(self, request: Request) -> Response:
        return await self._read(request, RefundRetrieveParams, lambda world: world.refund(request.path_params["id"]))

    async def list_events(self, request: Request) -> Response:
        return await self._list(request, EventListParams, "event", _event_matches)

    async def list_refunds(self, request: Request) -> Response:
        """Of the account, by time or by charge: no other filter is known here."""
        return await self._list(request, RefundListParams, "refund", _refund_matches)

    async def list_disputes(self, request: Request) -> Response:
        return await self._list(request, DisputeListParams, "dispute", _was_created)

    async def retrieve_dispute(self, request: Request) -> Response:
        return await self._read(request, DisputeRetrieveParams, lambda world: world.dispute(request.path_params["id"]))

    async def _list(self, request: Request, shape: Any, kind: str, matches: Callable[[Body, Body], bool]) -> Response:
        """A page, the youngest first."""
        requested = checked(shape, request.query_params.multi_items())
        limit = requested.get("limit", 10)
        if not 1 <= limit <= 100:
            raise Refusal("`limit` must be between 1 and 100.", param="limit")
        found: list[Body] = []
        before: str | None = requested.get("starting_after")
        async with self.store.turn() as objects:
            while len(found) <= limit:
                page = await objects.newest(kind, before=before, limit=100)
                found += [one for one in page if matches(one, requested)]
                if len(page) < 100:
                    break
                before = page[-1]["id"]
        return JSONResponse(
            {
                "object": "list",
                "url": request.url.path,
                "has_more": len(found) > limit,
                "data": [shown(one) for one in found[:limit]],
            }
        )

    async def end_refund(self, refund_id: str) -> None:
        async with self.store.turn(token_of(refund_id)) as objects:
            world = World(objects, self.seconds())
            await world.refund(refund_id)
        await self.courier.send(world.events)

    async def _read(self, request: Request, shape: Any, look: Act) -> Response:
        requested = checked(shape, request.query_params.multi_items())
        async with self.store.turn(token_of(request.path_params["id"])) as objects:
            world = World(objects, self.seconds())
            answer = await _expanded(world, await look(world), requested.get("expand", []))
        self._tell(world)
        return JSONResponse(answer)

    async def _once(
        self, request: Request, keys: Sequence[str], requested: Body, check: Callable[[], None], act: Act
    ) -> Response:
        """The same idempotency key gets the first answer again, a refusal too; with other parameters it is refused.

        What fails `check` was never begun, and is not remembered.
        """
        key = f"key:{request.headers.get('idempotency-key') or secrets.token_hex(16)}"
        asked = json.dumps([request.url.path, requested], sort_keys=True)
        digest = hashlib.sha256(asked.encode()).hexdigest()
        async with self.store.turn(key, *keys) as objects:
            first = await objects.get(key)
            if first is not None:
                return _again(first, digest)
            check()
            world, status = World(objects, self.seconds()), 200
            try:
                answer = await _expanded(world, await act(world), requested.get("expand", []))
            except Refusal as refusal:
                answer, status = refusal.body, refusal.status
            await objects.put(key, "key", {"digest": digest, "status": status, "answer": answer})
        self._tell(world)
        return JSONResponse(answer, status)

    def _tell(self, world: World) -> None:
        if world.events:
            self.courier.start(self.courier.send(world.events))

    def _guarded(self, answer: Answer) -> Answer:
        async def guarded(request: Request) -> Response:
            try:
                self._check_headers(request)
                return await answer(request)
            except Refusal as refusal:
                return JSONResponse(refusal.body, refusal.status)
            except StoreUnavailable:
                trouble = Refusal("The sandbox lost its store.", status=500, kind="api_error")
                return JSONResponse(trouble.body, trouble.status)

        return guarded

    def _check_headers(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), self.secret_key.encode()):
            raise Refusal("Invalid API Key provided.", status=401)
        version = request.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise Refusal(f"Invalid Stripe API version: {version}")


async def _form(request: Request) -> list[tuple[str, str]]:
    return parse_qsl((await request.body()).decode(), keep_blank_values=True)


def _again(first: Body, digest: str) -> Response:
    if first["digest"] != digest:
        raise Refusal(
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            kind="idempotency_error",
        )
    return JSONResponse(first["answer"], first["status"], headers={"Idempotent-Replayed": "true"})


async def _expanded(world: World, body: Body, paths: Sequence[str]) -> Body:
    answer = shown(body)
    for path in paths:
        node: Body | None = answer
        for field in path.split("."):
            if node is None:
                break
            if node["object"] not in _EXPANDABLE.get(field, ()):
                raise Refusal(f"This property cannot be expanded ({field}).", param="expand")
            if isinstance(node[field], str):
                found = await (world.intent if field == "payment_intent" else world.charge)(node[field])
                node[field] = shown(found)
            node = node[field]
    return answer


def _event_matches(event: Body, requested: Body) -> bool:
    kinds = [requested["type"]] if "type" in requested else requested.get("types", [])
    return (
        (not kinds or any(_matches(event["type"], kind) for kind in kinds))
        and _was_created(event, requested)
        and requested.get("delivery_success", event["pending_webhooks"] == 0) == (event["pending_webhooks"] == 0)
    )


def _refund_matches(refund: Body, requested: Body) -> bool:
    return _was_created(refund, requested) and requested.get("charge", refund["charge"]) == refund["charge"]


def _was_created(thing: Body, requested: Body) -> bool:
    created, moment = requested.get("created", {}), thing["created"]
    if isinstance(created, int):
        created = {"gte": created, "lte": created}
    return bool(
        created.get("gt", -1) < moment
        and created.get("gte", 0) <= moment < created.get("lt", moment + 1)
        and moment <= created.get("lte", moment)
    )


def _matches(kind: str, pattern: str) -> bool:
    return kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern


async def _unknown_address(request: Request, _: Exception) -> Response:
    return JSONResponse(
        Refusal(f"Unrecognized request URL ({request.method}: {request.url.path}).", status=404).body, 404
    )
