"""Stripe's objects as the sandbox makes them: every field that Stripe's classes name, and none that they do not."""

import secrets
import time
from functools import cache
from typing import Any

import stripe
from stripe.checkout import Session

from shop.adapters.stripe.fake.store import Body
from shop.adapters.stripe.real import API_VERSION

_CLASSES: dict[str, type[stripe.StripeObject]] = {
    "checkout.session": Session,
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "dispute": stripe.Dispute,
    "balance_transaction": stripe.BalanceTransaction,
    "event": stripe.Event,
}
# A stored object may hold more than Stripe shows; such names begin with an underscore.


EVIDENCE_DAYS = 7


def new_token() -> str:
    """24 characters that sort by time; the objects of one payment share theirs."""
    return f"{time.time_ns():016x}{secrets.token_hex(4)}"


def token_of(object_id: str) -> str:
    """cs_test_<token>, pi_<token>, re_<token><own part> → token."""
    return object_id.rsplit("_", 1)[-1][:24]


def shown(body: Body) -> Body:
    """A stored object as Stripe would show it. Raises ValueError where it would not fit Stripe's class."""
    allowed, required = _fields(body["object"])
    public = {name: value for name, value in body.items() if not name.startswith("_")}
    if strange := public.keys() - allowed:
        raise ValueError(f"{body['object']} has no {sorted(strange)}")
    if missing := {name for name in required if public.get(name) is None}:
        raise ValueError(f"{body['object']} lacks {sorted(missing)}")
    return dict.fromkeys(sorted(allowed)) | public


@cache
def _fields(kind: str) -> tuple[frozenset[str], frozenset[str]]:
    hints = {name: hint for name, hint in _CLASSES[kind].__annotations__.items() if name.islower()}
    return frozenset(hints), frozenset(name for name, hint in hints.items() if type(None) not in _parts(hint))


def _parts(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__args__", ())


def session_object(token: str, requested: Body, *, url: str, created: int) -> Body:
    """requested: the checked parameters. `_lines` and `_description` are for the payment page."""
    lines = [
        {
            "title": item["price_data"]["product_data"]["name"],
            "quantity": item.get("quantity", 1),
            "amount": item["price_data"]["unit_amount"] * item.get("quantity", 1),
        }
        for item in requested["line_items"]
    ]
    total = sum(line["amount"] for line in lines)
    intent_data = requested.get("payment_intent_data", {})
    return {
        "id": f"cs_test_{token}",
        "object": "checkout.session",
        "adaptive_pricing": requested.get("adaptive_pricing"),
        "allowed_payment_method_types": requested.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": requested.get("cancel_url"),
        "client_reference_id": requested.get("client_reference_id"),
        "created": created,
        "currency": requested["currency"],
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "expires_at": requested["expires_at"],
        "livemode": False,
        "locale": requested.get("locale"),
        "metadata": requested.get("metadata", {}),
        "mode": "payment",
        "payment_intent": None,  # made when the payer confirms, as Stripe does
        "payment_method_collection": "if_required",
        "payment_method_options": requested.get("payment_method_options", {}),
        "payment_method_types": requested.get("allowed_payment_method_types", ["card"]),
        "payment_status": "unpaid",
        "shipping_options": [],
        "status": "open",
        "success_url": requested.get("success_url"),
        "ui_mode": "hosted_page",
        "url": url,
        "_lines": lines,
        "_description": intent_data.get("description"),
        "_payment_metadata": intent_data.get("metadata", {}),
    }


def intent_object(session: Body, *, amount: int, currency: str, created: int, paid: bool) -> Body:
    """The PaymentIntent of a session that somebody tried to pay. `_session` leads back."""
    token = token_of(session["id"])
    return {
        "id": f"pi_{token}",
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": amount if paid else 0,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "description": session["_description"],
        "last_payment_error": None
        if paid
        else {
            "type": "card_error",
            "code": "payment_intent_payment_attempt_failed",
            "message": "The payment attempt failed.",
        },
        "latest_charge": f"ch_{token}",
        "livemode": False,
        "metadata": session["_payment_metadata"],
        "payment_method_types": session["payment_method_types"],
        "status": "succeeded" if paid else "requires_payment_method",
        "_session": session["id"],
    }


def charge_object(intent: Body, *, method: str, created: int) -> Body:
    paid = intent["status"] == "succeeded"
    return {
        "id": intent["latest_charge"],
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount_received"],
        "amount_refunded": 0,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "captured": paid,
        "created": created,
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": None if paid else "payment_method_provider_decline",
        "livemode": False,
        "metadata": intent["metadata"],
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method_details": {"type": method, method: {}},
        "refunded": False,
        "status": "succeeded" if paid else "failed",
        "_disputed_away": False,
    }


def refund_object(charge: Body, requested: Body, *, amount: int, created: int, will_fail: bool) -> Body:
    """Starts pending, as a wallet's refund does. `_will_fail` says how it ends."""
    return {
        "id": f"re_{token_of(charge['id'])}{new_token()}",
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "metadata": requested.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "pending_reason": "processing",
        "reason": requested.get("reason"),
        "status": "pending",
        "_will_fail": will_fail,
    }


def dispute_object(charge: Body, *, amount: int, reason: str, inquiry: bool, created: int) -> Body:
    """Of a part of a charge or all of it. inquiry: the bank only asks; no money moves yet."""
    return {
        "id": f"du_{token_of(charge['id'])}{new_token()}",
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": created + EVIDENCE_DAYS * 24 * 60 * 60,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def balance_transaction_object(dispute: Body, *, amount: int, created: int) -> Body:
    """Money that left the account's balance for a dispute (negative), or came back. Fees are left out."""
    return shown(
        {
            "id": f"txn_{new_token()}",
            "object": "balance_transaction",
            "amount": amount,
            "available_on": created,
            "balance_type": "payments",
            "created": created,
            "currency": dispute["currency"],
            "fee": 0,
            "fee_details": [],
            "net": amount,
            "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
            "source": dispute["id"],
            "status": "available",
            "type": "adjustment",
        }
    )


def event_object(kind: str, about: Body, *, created: int) -> Body:
    return {
        "id": f"evt_{new_token()}",
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": {"object": shown(about)},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
