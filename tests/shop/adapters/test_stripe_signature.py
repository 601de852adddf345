"""What the webhook door believes, and what it does not."""

import json
import time
from datetime import UTC, datetime

import pytest
import stripe

from shop.adapters.stripe.gateway import SignatureInvalid
from shop.adapters.stripe.real import StripeGateway

SECRET = "whsec_for_tests"
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "checkout.session.completed",
    "created": 1_800_000_000,
    "data": {"object": {"id": "cs_test_1", "object": "checkout.session"}},
}


def _sign(body: str, *, secret: str = SECRET, age_seconds: int = 0) -> str:
    header: str = stripe.WebhookSignature.generate_signature_header(body, secret, int(time.time()) - age_seconds)
    return header


@pytest.fixture
def gateway() -> StripeGateway:
    return StripeGateway("sk_test_unused", SECRET)


@pytest.mark.parametrize("age_seconds", [0, 290])
def test_believes_what_stripe_signed(gateway: StripeGateway, age_seconds: int) -> None:
    body = json.dumps(EVENT)
    seen = gateway.verify_event(body.encode(), _sign(body, age_seconds=age_seconds))
    assert (seen.event_id, seen.kind, seen.object_id) == ("evt_1", "checkout.session.completed", "cs_test_1")
    assert seen.object_kind == "checkout.session"
    assert seen.created_at == datetime.fromtimestamp(1_800_000_000, UTC)


def test_believes_either_secret_while_one_is_rolled(gateway: StripeGateway) -> None:
    body = json.dumps(EVENT)
    old = _sign(body, secret="whsec_old").split("v1=")[1]
    assert gateway.verify_event(body.encode(), f"{_sign(body)},v1={old}").event_id == "evt_1"


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (json.dumps(EVENT), ""),
        (json.dumps(EVENT), "t=1,v1=00"),
        (json.dumps(EVENT), "v1=00"),
        (json.dumps(EVENT), "t=abc,v1=00"),
        (json.dumps(EVENT), f"t={int(time.time())},v1=ÄÄ"),
        (json.dumps(EVENT), f"t={'9' * 5_000},v1=00"),
        (json.dumps(EVENT), _sign(json.dumps(EVENT), secret="whsec_forged")),
        (json.dumps(EVENT), _sign(json.dumps(EVENT), age_seconds=302)),
        (json.dumps(EVENT | {"id": "evt_2"}), _sign(json.dumps(EVENT))),
        (json.dumps(EVENT), _sign(json.dumps(EVENT)).replace("v1=", "v0=")),
        ("not json", _sign("not json")),
        ("[]", _sign("[]")),
        ("null", _sign("null")),
        ("{}", _sign("{}")),
        (json.dumps(EVENT | {"data": {"object": {}}}), _sign(json.dumps(EVENT | {"data": {"object": {}}}))),
        (json.dumps(EVENT | {"created": "x"}), _sign(json.dumps(EVENT | {"created": "x"}))),
        (json.dumps(EVENT | {"created": 10**30}), _sign(json.dumps(EVENT | {"created": 10**30}))),
        ("[" * 100_000, _sign("[" * 100_000)),
    ],
    ids=range(18),
)
def test_believes_nothing_else(gateway: StripeGateway, body: str, signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        gateway.verify_event(body.encode(), signature)


def test_bytes_that_are_no_text(gateway: StripeGateway) -> None:
    with pytest.raises(SignatureInvalid):
        gateway.verify_event(b"\xff\xfe", _sign("x"))
