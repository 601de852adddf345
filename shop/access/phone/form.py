"""The part of a form that proves a phone, without scripts: a button sends the code, the next sending takes it back."""

from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from fastapi import Form
from starlette.requests import Request

from shop.access.address import address_of
from shop.access.phone.proof import PhoneNotProven, WrongCode, confirm_code, send_code
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Detail
from shop.core.keys import Keys
from shop.ui.pages import lang_of

Typed = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class PhoneForm:
    """What was typed, and what the form carries unseen: asked, the id of a code on its way; proof, of one that is back.

    sent: a code was sent just now.
    """

    phone: str = ""
    sms_code: str = ""
    asked: str = ""
    proof: str = ""
    sent: bool = False

    def over(self) -> "PhoneForm":
        """The code is of no use any more; the number stays."""
        return PhoneForm(self.phone)


def phone_form(phone: Typed = "", sms_code: Typed = "", asked: Typed = "", proof: Typed = "") -> PhoneForm:
    """A route's dependency: these fields of the form that was sent."""
    return PhoneForm(phone, sms_code, asked, proof)


async def ask_code(request: Request, database: Database, keys: Keys, form: PhoneForm) -> PhoneForm:
    """Raises BadContact, TooManyAttempts."""
    sent = await send_code(
        database,
        keys=keys,
        phone=form.phone,
        address=address_of(request),
        lang=lang_of(request),
        now=clock.now(),
    )
    return PhoneForm(form.phone, asked=str(sent.id), sent=True)


async def take_code(database: Database, keys: Keys, form: PhoneForm) -> PhoneForm:
    """The form with its proof; one that has it already stays. Raises PhoneNotProven, WrongCode."""
    if form.proof:
        return form
    if not form.asked:
        detail = "请先获取验证码。"
        raise PhoneNotProven(detail, [Detail("/sms_code", PhoneNotProven.code, detail)])
    try:
        proof_id = UUID(form.asked)
    except ValueError as error:
        raise WrongCode from error
    return replace(form, proof=await confirm_code(
        database, keys=keys, proof_id=proof_id, code=form.sms_code
    ))  # fmt: skip
