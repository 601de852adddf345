"""`/join/{code}`: the way in for clients, families and friends of a unit."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from shop.access.account.ask_reset import MAILS_MOST
from shop.access.account.passwords import WeakPassword, check_new_password, hash_password
from shop.access.address import address_of
from shop.access.contact import BadContact, checked_email, checked_name, checked_phone
from shop.access.phone.form import PhoneForm, ask_code, phone_form, take_code
from shop.access.phone.proof import PhoneNotProven, WrongCode
from shop.access.session.attempts import ADDRESS_MOST, TooManyAttempts, key_of, reserve
from shop.access.session.cookies import know_device, remember
from shop.access.session.sign_out_here import sign_out_here
from shop.access.users import PhoneTaken
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Detail, Problem
from shop.core.keys import Keys
from shop.core.requests import TheDatabase, TheKeys, TheSettings
from shop.organisation.join_by_link import Link, join_by_link, link_of
from shop.organisation.members import IsEmployee
from shop.ui.pages import lang_of, render

routes = APIRouter(include_in_schema=False)


@routes.get("/join/{code}")
async def get_join(request: Request, code: str, database: TheDatabase) -> Response:
    """Names the unit that invites. Raises NoSuchLink."""
    async with database.reading() as session:
        link = await link_of(session, code, clock.today())
    return _page(request, link, {}, PhoneForm())


@routes.post("/join/{code}")
async def post_join(
    request: Request,
    code: str,
    database: TheDatabase,
    keys: TheKeys,
    settings: TheSettings,
    phone: Annotated[PhoneForm, Depends(phone_form)],
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    do: Annotated[str, Form()] = "join",
) -> Response:
    """`do=code` sends a code to the phone. `do=join`: signed in and on to the shop. Else the same page with what was
    typed and what is wrong with it. Whether the address has an account already is told to the address alone, what is
    known of the phone only to whom the code has come.
    """
    async with database.reading() as session:
        link = await link_of(session, code, clock.today())
    typed = {"email": email, "name": name}
    try:
        if do == "code":
            return _page(request, link, typed, await ask_code(request, database, keys, phone))
        if wrong := _wrong(password, phone=phone.phone, **typed):
            return _page(request, link, typed, phone, wrong, 422)
        phone = await take_code(database, keys, phone)
        await _reserve(database, keys, address_of(request), checked_email(email))
        password_hash = await hash_password(password)
        async with database.transaction() as session:
            signed_in = await join_by_link(
                session,
                code=code,
                password_hash=password_hash,
                phone=phone.phone,
                proof=phone.proof,
                keys=keys,
                lang=lang_of(request),
                now=clock.now(),
                **typed,
            )
    except (BadContact, TooManyAttempts, WrongCode, PhoneNotProven, PhoneTaken, IsEmployee) as problem:
        again = phone.over() if isinstance(problem, PhoneNotProven) else phone
        return _page(request, link, typed, again, problem.errors or [_general(problem)], problem.status)
    await sign_out_here(request, database, settings)
    answer = RedirectResponse("/", 303)
    remember(answer, signed_in.secret or "", settings)
    know_device(request, answer, keys, settings, email)
    return answer


def _wrong(password: str, *, email: str, name: str, phone: str) -> list[Detail]:
    """Everything that is wrong, not only the first."""
    found: list[Detail] = []
    for check in (
        lambda: checked_email(email),
        lambda: checked_name(name),
        lambda: checked_phone(phone),
        lambda: check_new_password(password, email=email, name=name),
    ):
        try:
            check()
        except (BadContact, WeakPassword) as problem:
            found += problem.errors
    return found


async def _reserve(database: Database, keys: Keys, address: str, email: str) -> None:
    """Accounts cost a slow hash and a mail each: neither one address nor one mailbox gets them without end. Raises
    TooManyAttempts.
    """
    async with database.transaction() as session:
        budgets = {key_of(keys, "join", address): ADDRESS_MOST}
        budgets[key_of(keys, "mail", email)] = MAILS_MOST
        await reserve(session, budgets, now=clock.wall())


def _page(
    request: Request,
    link: Link,
    typed: dict[str, str],
    form: PhoneForm,
    wrong: Sequence[Detail] = (),
    status: int = 200,
) -> Response:
    errors = {error.pointer.removeprefix("/"): error.detail for error in wrong}
    return render(request, "organisation/join.html", status, link=link, typed=typed, form=form, errors=errors)


def _general(problem: Problem) -> Detail:
    return Detail("", problem.code, problem.detail)
