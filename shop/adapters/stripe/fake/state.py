"""What happens inside the stand-in: pages open and close, payers pay, money goes back; each leaves its events."""

from typing import Any

from shop.adapters.stripe.fake.check import Refusal
from shop.adapters.stripe.fake.objects import (
    balance_transaction_object,
    charge_object,
    dispute_object,
    event_object,
    intent_object,
    new_token,
    refund_object,
    session_object,
)
from shop.adapters.stripe.fake.store import Body, Objects
from shop.adapters.stripe.gateway import LEAST_CHECKOUT_LIFE, LONGEST_CHECKOUT_LIFE

MOST_FEN = 99_999_999  # Stripe takes eight digits


class SandboxRefused(Exception):  # it says what happened
    """The payer cannot do this: there is no such payment, or it has ended otherwise."""


class World:
    """Stripe's side during one turn of the store. now: the time that objects bear, in seconds.

    Time passes when somebody looks: a page past its time expires, and a pending refund ends, when it is next read.
    events: what has happened in this turn, oldest first, already kept in the store.
    """

    def __init__(self, objects: Objects, now: int) -> None:
        self.events: list[Body] = []
        self._objects, self._now = objects, now

    async def open_session(self, requested: Body, *, public_url: str) -> Body:
        token = new_token()
        payment_id = requested.get("metadata", {}).get("payment_id", token)
        session = session_object(token, requested, url=f"{public_url}/sandbox/pay/{payment_id}", created=self._now)
        await self._keep(session)
        await self._objects.put(f"payment:{payment_id}", "payment", {"session": session["id"]})
        return session

    async def session(self, session_id: str) -> Body:
        session = await self._found("checkout.session", session_id)
        if session["status"] == "open" and self._now >= session["expires_at"]:
            await self._close(session)
        return session

    async def expire_session(self, session_id: str) -> Body:
        session = await self.session(session_id)
        if session["status"] != "open":
            raise Refusal(
                'Only Checkout Sessions with a status in ["open"] can be expired. '
                f"This Checkout Session has a status of {session['status']}."
            )
        await self._close(session)
        return session

    async def intent(self, intent_id: str) -> Body:
        return await self._found("payment_intent", intent_id)

    async def charge(self, charge_id: str) -> Body:
        return await self._found("charge", charge_id)

    async def pay(
        self, session_id: str, *, paid: bool, amount: int | None, currency: str | None, method: str | None
    ) -> Body:
        """The payer pays, or fails for good. Done again, it changes nothing and its events are told again.

        A page that has closed can still turn out to be paid: the wallet was already at work when it closed.
        Raises SandboxRefused where the payment has ended the other way.
        """
        session = await self.session(session_id)
        told_before = len(self.events)
        method = method or session["payment_method_types"][0]
        if method not in session["payment_method_types"]:
            raise SandboxRefused(f"the page does not offer {method}")
        if session["status"] == "complete":
            if (session["payment_status"] == "paid") != paid:
                raise SandboxRefused(f"the payment has ended {session['payment_status']}")
            self.events += [event for event in [await self._objects.get(i) for i in session["_events"]] if event]
            return session
        if session["status"] == "expired" and not paid:
            raise SandboxRefused("the page has expired unpaid")
        late = session["status"] == "expired"
        intent = intent_object(
            session,
            amount=session["amount_total"] if amount is None else amount,
            currency=currency or session["currency"],
            created=self._now,
            paid=paid,
        )
        charge = charge_object(intent, method=method, created=self._now)
        session |= {
            "payment_intent": intent["id"],
            "payment_status": "paid" if paid else "unpaid",
            "status": "complete",
            "url": None,
        }
        for thing in (charge, intent, session):
            await self._keep(thing)
        if paid:
            await self._tell("charge.succeeded", charge)
            await self._tell("payment_intent.succeeded", intent)
            await self._tell(f"checkout.session.{'async_payment_succeeded' if late else 'completed'}", session)
        else:
            await self._tell("charge.failed", charge)
            await self._tell("payment_intent.payment_failed", intent)
            await self._tell("checkout.session.async_payment_failed", session)
        session["_events"] = [event["id"] for event in self.events[told_before:]]
        await self._keep(session)
        return session

    async def open_refund(self, requested: Body, *, will_fail: bool) -> Body:
        """Refuses more than what is left of the charge; refunds that are under way count."""
        intent = await self.intent(requested["payment_intent"])
        if intent["status"] != "succeeded":
            raise Refusal(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        charge = await self.charge(intent["latest_charge"])
        if charge["_disputed_away"]:
            raise Refusal(f"Charge {charge['id']} has been charged back.", code="charge_disputed")
        left = charge["amount"] - charge["amount_refunded"]
        amount = requested.get("amount", left)
        if left == 0:
            raise Refusal(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        if amount > left:
            raise Refusal(
                f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
                code="amount_too_large",
                param="amount",
            )
        refund = refund_object(charge, requested, amount=amount, created=self._now, will_fail=will_fail)
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        await self._keep(refund)
        await self._keep(charge)
        await self._tell("refund.created", refund)
        await self._tell("charge.refunded", charge)
        return refund

    async def refund(self, refund_id: str) -> Body:
        refund = await self._found("refund", refund_id)
        if refund["status"] != "pending":
            return refund
        refund["pending_reason"] = None
        if refund["_will_fail"]:
            refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
            charge = await self.charge(refund["charge"])
            charge["amount_refunded"] -= refund["amount"]
            charge["refunded"] = False
            await self._keep(charge)
            await self._tell("refund.failed", refund)
        else:
            refund["status"] = "succeeded"
        await self._keep(refund)
        await self._tell("refund.updated", refund)
        return refund

    async def fail_refund(self, refund_id: str) -> Body:
        """The payer's bank sends a refund back that had succeeded. Again it changes nothing, and is told again."""
        refund = await self._found("refund", refund_id)
        if refund["status"] == "succeeded":
            refund |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
            charge = await self.charge(refund["charge"])
            charge["amount_refunded"] -= refund["amount"]
            charge["refunded"] = False
            await self._keep(charge)
            await self._keep(refund)
        if refund["status"] != "failed":
            raise SandboxRefused(f"the refund is {refund['status']}")
        await self._tell("refund.updated", refund)
        await self._tell("refund.failed", refund)
        return refund

    async def open_dispute(self, charge_id: str, *, amount: int | None, reason: str, inquiry: bool) -> Body:
        """The payer's bank asks for the money; unless it only inquires, the provider takes it off the balance."""
        charge = await self.charge(charge_id)
        amount = charge["amount"] if amount is None else amount
        if charge["status"] != "succeeded" or not 0 < amount <= charge["amount"]:
            raise SandboxRefused("nothing of this charge can be disputed like that")
        dispute = dispute_object(charge, amount=amount, reason=reason, inquiry=inquiry, created=self._now)
        charge |= {"disputed": True, "_disputed_away": not inquiry}
        await self._keep(charge)
        await self._keep(dispute)
        await self._tell("charge.dispute.created", dispute)
        return dispute if inquiry else await self.withdraw(dispute["id"])

    async def dispute(self, dispute_id: str) -> Body:
        return await self._found("dispute", dispute_id)

    async def withdraw(self, dispute_id: str) -> Body:
        """The disputed amount leaves the balance, once."""
        dispute = await self.dispute(dispute_id)
        if _taken(dispute) == 0:
            dispute = await self._moved(dispute, -dispute["amount"])
            await self._tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    async def reinstate(self, dispute_id: str) -> Body:
        """What was withdrawn comes back, once."""
        dispute = await self.dispute(dispute_id)
        if taken := _taken(dispute):
            dispute = await self._moved(dispute, taken)
            await self._tell("charge.dispute.funds_reinstated", dispute)
        return dispute

    async def end_dispute(self, dispute_id: str, *, won: bool) -> Body:
        """The bank has decided. Lost, the money is gone; won, it comes back. An inquiry closes either way."""
        dispute = await self.dispute(dispute_id)
        inquiry = dispute["status"].startswith("warning_")
        status = "warning_closed" if inquiry and won else "won" if won else "lost"
        if dispute["status"] != status:
            dispute |= {"status": status, "is_charge_refundable": False}
            await self._keep(dispute)
            charge = await self.charge(dispute["charge"])
            await self._keep(charge | {"_disputed_away": not won})
            await self._tell("charge.dispute.updated", dispute)
        await self._tell("charge.dispute.closed", dispute)
        return await (self.reinstate if won else self.withdraw)(dispute_id)

    async def _moved(self, dispute: Body, amount: int) -> Body:
        entry = balance_transaction_object(dispute, amount=amount, created=self._now)
        dispute["balance_transactions"] = [*dispute["balance_transactions"], entry]
        await self._keep(dispute)
        return dispute

    async def _close(self, session: Body) -> None:
        session |= {"status": "expired", "url": None}
        await self._keep(session)
        await self._tell("checkout.session.expired", session)

    async def _tell(self, kind: str, about: Body) -> None:
        event = event_object(kind, about, created=self._now)
        await self._keep(event)
        self.events.append(event)

    async def _keep(self, thing: Body) -> None:
        await self._objects.put(thing["id"], thing["object"], thing)

    async def _found(self, kind: str, object_id: str) -> Body:
        found = await self._objects.get(object_id)
        if found is None or found["object"] != kind:
            words = kind.replace(".", " ").replace("_", " ")
            raise Refusal(f"No such {words}: '{object_id}'", status=404, code="resource_missing", param="id")
        return found


def _taken(dispute: Body) -> int:
    return -sum(int(entry["amount"]) for entry in dispute["balance_transactions"])


def check_session(requested: dict[str, Any], now: int) -> None:
    """What Stripe's types do not say, but Stripe does. Sets the default of `expires_at`."""
    for name in ("mode", "currency", "line_items", "success_url"):
        if not requested.get(name):
            raise Refusal(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if requested["mode"] != "payment":
        raise Refusal("The sandbox only takes payments.", param="mode")
    life = requested.setdefault("expires_at", now + 24 * 60 * 60) - now
    if life < LEAST_CHECKOUT_LIFE.total_seconds():
        raise Refusal(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", param="expires_at"
        )
    if life > LONGEST_CHECKOUT_LIFE.total_seconds():
        raise Refusal(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", param="expires_at"
        )
    methods = requested.get("allowed_payment_method_types", [])
    if (
        "wechat_pay" in methods
        and requested.get("payment_method_options", {}).get("wechat_pay", {}).get("client") != "web"
    ):
        raise Refusal(
            "WeChat Pay needs `client`.", code="parameter_missing", param="payment_method_options[wechat_pay][client]"
        )
    _check_lines(requested)


def check_refund(requested: dict[str, Any]) -> None:
    if "payment_intent" not in requested:
        raise Refusal("The sandbox refunds PaymentIntents.", code="parameter_missing", param="payment_intent")
    if requested.get("amount", 1) < 1:
        raise Refusal("Invalid positive integer", code="parameter_invalid_integer", param="amount")


def _check_lines(requested: dict[str, Any]) -> None:
    if len(requested["line_items"]) > 100:
        raise Refusal("A Checkout Session takes at most 100 line items.", param="line_items")
    total = 0
    for index, item in enumerate(requested["line_items"]):
        price = item.get("price_data")
        if price is None or "product_data" not in price or "unit_amount" not in price:
            raise Refusal("The sandbox needs inline prices.", param=f"line_items[{index}][price_data]")
        if price["currency"] != requested["currency"]:
            raise Refusal(
                "All prices must use the session's currency.", param=f"line_items[{index}][price_data][currency]"
            )
        if price["unit_amount"] < 0 or item.get("quantity", 1) < 1:
            raise Refusal(
                "Invalid non-negative integer", code="parameter_invalid_integer", param=f"line_items[{index}]"
            )
        total += price["unit_amount"] * item.get("quantity", 1)
    if total == 0:
        raise Refusal("The amount is too small.", code="amount_too_small", param="line_items")
    if total > MOST_FEN:
        raise Refusal("The amount is too large.", code="amount_too_large", param="line_items")
