"""Whoever is signed in proves a phone: it is his, and if a list knows him by it, he is the person of that list."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shop.access.become import become
from shop.access.contact import checked_phone
from shop.access.known_people import holder_of, listed_alone, people_one_by_one
from shop.access.permissions import Actor
from shop.access.phone.own_phone import own_phone
from shop.access.phone.proof import use_proof
from shop.access.users import PhoneTaken
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail
from shop.core.keys import Keys
from shop.core.window import not_ended

_MINE = text("SELECT name, phone, phone_verified_at FROM person WHERE id = :person")
# Who works or belongs somewhere stays who he is: nobody is of two units, and no allowance is left behind.
_BELONGS = text(f"""
SELECT EXISTS (SELECT FROM membership WHERE person_id = :person AND {not_ended("", ":day")})
    OR EXISTS (SELECT FROM union_membership WHERE person_id = :person AND {not_ended("", ":day")})
""")  # noqa: S608
_TAKE_ALONG = (
    text("UPDATE address SET person_id = :to WHERE person_id = :was"),
    text("UPDATE introduction SET person_id = :to WHERE person_id = :was"),
)


@dataclass(frozen=True, slots=True)
class MyPhone:
    phone: str | None
    verified: bool


async def my_phone(session: ReadSession, person_id: UUID) -> MyPhone:
    row = (await session.execute(_MINE, {"person": person_id})).one()
    return MyPhone(row.phone, row.phone_verified_at is not None)


async def prove_my_phone(
    session: WriteSession, *, actor: Actor, phone: str, proof: str, keys: Keys, now: datetime
) -> None:
    """The phone is his alone from now on. Where exactly one person of a list has this phone and his name, and he
    belongs nowhere, that person is he: with unit, union, staff number and allowances. His addresses go with him; what
    he bought before keeps whose it was.

    Raises BadContact, PhoneNotProven, PhoneTaken.
    """
    phone = checked_phone(phone)
    await people_one_by_one(session)
    await use_proof(session, keys=keys, proof=proof, phone=phone)
    holder = await holder_of(session, phone)
    if holder is not None and holder != actor.person_id:
        detail = "这个号码已经属于另一个账号，请用那个账号登录；换了主人的号码，请联系管理员。"
        raise PhoneTaken(detail, [Detail("/phone", PhoneTaken.code, detail)])
    me = (await session.execute(_MINE, {"person": actor.person_id})).one()
    listed = await listed_alone(session, phone, me.name) if me.name else None
    named = {"person": actor.person_id, "day": clock.business_day(now)}
    if listed is not None and not await session.scalar(_BELONGS, named):
        await become(session, user_id=actor.user_id, was=actor.person_id, person_id=listed, now=now)
        for statement in _TAKE_ALONG:
            await session.execute(statement, {"to": listed, "was": actor.person_id})
    else:
        listed = None
        await own_phone(session, person_id=actor.person_id, phone=phone, now=now)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="user.phone_proven",
        subject=f"user_account:{actor.user_id}",
        before={"person_id": str(actor.person_id)},
        after={"person_id": str(listed or actor.person_id)},
        now=now,
    )
