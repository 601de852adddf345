"""An outside buyer comes by a unit's link and gets an account of their own."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Date, bindparam, text

from shop.access.account.verify_email import offer_email
from shop.access.contact import checked_email, checked_phone
from shop.access.known_people import people_one_by_one
from shop.access.permissions import Grant, Role
from shop.access.phone.proof import use_proof
from shop.access.session.sign_in import SignedIn, open_session
from shop.access.users import create_user, grant_role
from shop.core import clock
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound
from shop.core.keys import Keys
from shop.core.window import in_force
from shop.organisation.members import IsEmployee, introduce
from shop.ui.i18n import Lang

_LINK: Final = text(f"""
    SELECT invitation_link.code, unit.id AS unit_id, unit.name AS unit_name
    FROM invitation_link JOIN unit ON unit.id = invitation_link.unit_id
    WHERE invitation_link.code = :code
      AND {in_force("invitation_link", ":day")}
""").bindparams(bindparam("day", type_=Date))  # noqa: S608  # our own words


_EMPLOYED: Final = text(f"""
    SELECT EXISTS (SELECT FROM person p JOIN membership m ON m.person_id = p.id
        WHERE p.phone = :phone AND p.erased_at IS NULL
          AND {in_force("m", ":day")})
""").bindparams(bindparam("day", type_=Date))  # noqa: S608  # our own words


class NoSuchLink(NotFound):
    """Unknown, not begun or ended: a stranger is told the same."""

    code = "link_not_found"
    title = "这个邀请链接已失效"


@dataclass(frozen=True, slots=True)
class Link:
    code: str
    unit_id: UUID
    unit_name: str


async def link_of(session: ReadSession, code: str, day: date) -> Link:
    """Raises NoSuchLink."""
    row = (await session.execute(_LINK, {"code": code, "day": day})).one_or_none() if code.isprintable() else None
    if row is None:
        raise NoSuchLink("请向发给您链接的单位或朋友要一个新的链接。")
    return Link(row.code, row.unit_id, row.unit_name)


async def join_by_link(
    session: WriteSession,
    *,
    code: str,
    email: str,
    password_hash: str,
    name: str,
    phone: str,
    proof: str,
    keys: Keys,
    lang: Lang = "zh",
    now: datetime,
) -> SignedIn:
    """User, person, introduction and role at once, signed in for pages: he may buy. The address becomes his name once
    he opens the link that is sent to it; where it is another account's, that is told to the address, not to him.

    proof: of the phone, as `confirm_code` gave it. Only then is it told that the phone is an employee's, or has an
    account. Whoever stands on a list with this phone and name, and works nowhere, is this very person.
    password_hash: from `passwords.hash_password`, made before the transaction. now: the shop's time.
    Raises NoSuchLink, BadContact, PhoneNotProven, IsEmployee, PhoneTaken.
    """
    day = clock.business_day(now)
    link = await link_of(session, code, day)
    phone = checked_phone(phone)
    await people_one_by_one(session)
    await use_proof(session, keys=keys, proof=proof, phone=phone)
    if await session.scalar(_EMPLOYED, {"phone": phone, "day": day}):
        detail = "这个手机号属于一家单位的职工：请用职工账号购买；还没有账号，请联系本单位开通。"
        raise IsEmployee(detail, [Detail("/phone", IsEmployee.code, detail)])
    made = await create_user(
        session,
        actor=None,
        email=email,
        name=name,
        phone=phone,
        password_hash=password_hash,
        email_proven=False,
        now=now,
    )
    await offer_email(session, user_id=made.user_id, email=checked_email(email), lang=lang, now=now)
    await introduce(
        session, actor=None, person_id=made.person_id, unit_id=link.unit_id, link_code=link.code, day=day, now=now
    )
    grant = Grant(Role.OUTSIDE_BUYER, "unit", str(link.unit_id))
    await grant_role(session, actor_id=None, user_id=made.user_id, grant=grant, valid_from=day, now=now)
    return await open_session(session, user_id=made.user_id, verified_hash=password_hash, kind="page", now=clock.wall())
