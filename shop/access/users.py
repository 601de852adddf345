"""Accounts and what they may do. Each change leaves an audit row and ends what was allowed before."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, text
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import col, delete, insert, or_, select, update

from shop.access.account.set_password import set_password
from shop.access.account.tell_owner import tell_owner
from shop.access.change_request import withdraw_all_of
from shop.access.contact import checked_email, checked_name, checked_phone
from shop.access.known_people import holder_of, listed_alone, people_one_by_one
from shop.access.models import Person, RoleGrant, UserAccount
from shop.access.permissions import Actor, Grant, Role
from shop.access.session.sign_out import sign_out_everywhere
from shop.access.session.tokens import grant_text
from shop.access.who import is_named
from shop.core import clock
from shop.core.audit import Change, record_changes
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, Invalid, NotFound, Problem
from shop.core.ids import new_id

_COUNTY: Final = re.compile(r"[0-9]{6}")
_NAMED: Final = text(f"SELECT id FROM user_account WHERE {is_named('')}")  # noqa: S608  # our own words


class EmailTaken(Problem):
    status = 409
    code = "email_taken"
    title = "这个邮箱已经有账号"


class PhoneTaken(Problem):
    """Said only to whom the phone is proven to belong."""

    status = 409
    code = "phone_taken"
    title = "这个手机号已经有账号"


class NotSuspended(Problem):
    status = 409
    code = "not_suspended"
    title = "账号没有停用"


class NoSuchUser(NotFound):
    code = "user_not_found"
    title = "没有这个账号"


class BadScope(Invalid):
    code = "scope_invalid"
    title = "权限范围有误"


@dataclass(frozen=True, slots=True)
class NewUser:
    user_id: UUID
    person_id: UUID


async def create_user(
    session: WriteSession,
    *,
    actor: Actor | None,
    email: str,
    name: str,
    phone: str | None = None,
    password_hash: str,
    email_proven: bool = True,
    now: datetime,
) -> NewUser:
    """An account and the person it belongs to. actor: None for the command line and for people who sign up themselves.

    phone: proven to be this person's, by a code or because who runs the shop vouches for it. Whoever stands on a list
    with this phone and name is this very person, with unit and union.
    password_hash: from `passwords.hash_password`, made before the transaction. email_proven: whoever runs the shop
    vouches for the address by naming it; where its owner only typed it, it is no name yet, and others may have typed it
    too. Raises BadContact, PhoneTaken, EmailTaken.
    """
    email = checked_email(email)
    made = NewUser(user_id=new_id(), person_id=await _person(session, name, phone, now))
    account = insert_once(UserAccount).values(
        id=made.user_id, person_id=made.person_id, email=email, email_verified_at=now if email_proven else None,
        password_hash=password_hash, state="active", created_at=now,
    )  # fmt: skip
    if await session.scalar(account.on_conflict_do_nothing().returning(col(UserAccount.id))) is None:
        detail = "请直接登录，或换一个邮箱。"
        raise EmailTaken(detail, [Detail("/email", EmailTaken.code, detail)])
    await record_changes(
        session, [Change("user.created", f"user_account:{made.user_id}", None, None)], actor_id=_id(actor), now=now
    )
    return made


async def _person(session: WriteSession, name: str, phone: str | None, now: datetime) -> UUID:
    """Of a new account: somebody of a list, or somebody new."""
    name = checked_name(name)
    if phone:
        phone = checked_phone(phone)
        await people_one_by_one(session)
        if await holder_of(session, phone) is not None:
            detail = "请用原来的账号登录；换了主人的号码，请联系管理员。"
            raise PhoneTaken(detail, [Detail("/phone", PhoneTaken.code, detail)])
        listed = await listed_alone(session, phone, name)
        if listed is not None:
            await session.execute(update(Person).where(col(Person.id) == listed).values(phone_verified_at=now))
            return listed
    person_id = new_id()
    facts = {"name": name, "phone": phone or None, "phone_verified_at": now if phone else None}
    await session.execute(insert(Person).values(id=person_id, created_at=now, **facts))
    return person_id


async def grant_role(
    session: WriteSession,
    *,
    actor_id: UUID | None,
    user_id: UUID,
    grant: Grant,
    valid_from: date,
    valid_to: date | None = None,
    reason: str | None = None,
    now: datetime,
) -> None:
    """Hold a role from a business day on, to another (exclusive). Already held throughout is success.

    Tokens issued before end within a second; pages learn it as quickly. Raises NoSuchUser, BadScope.
    """
    _check_scope(grant)
    if valid_to is not None and valid_to <= valid_from:
        raise BadScope("结束日必须晚于开始日。", [Detail("/valid_to", BadScope.code, "结束日必须晚于开始日")])
    await lock_account(session, user_id)
    covered = await session.scalar(
        select(col(RoleGrant.id))
        .where(*_same(user_id, grant), col(RoleGrant.valid_from) <= valid_from)
        .where(
            col(RoleGrant.valid_to).is_(None)
            if valid_to is None
            else or_(col(RoleGrant.valid_to).is_(None), col(RoleGrant.valid_to) >= valid_to)
        )
    )
    if covered is not None:
        return
    row = insert_once(RoleGrant).values(
        id=new_id(), user_id=user_id, role=grant.role.value, scope_kind=grant.scope_kind, scope_id=grant.scope_id,
        valid_from=valid_from, valid_to=valid_to,
    )  # fmt: skip
    longer = row.on_conflict_do_update(
        index_elements=["user_id", "role", "scope_kind", "scope_id", "valid_from"], set_={"valid_to": valid_to}
    )
    await session.execute(longer)
    await sign_out_everywhere(session, user_id=user_id, kinds=("api",), now=clock.wall())
    await record_changes(
        session,
        [
            Change(
                "role.granted",
                f"user_account:{user_id}",
                None,
                {"grant": grant_text(grant), "valid_from": str(valid_from), "valid_to": valid_to and str(valid_to)},
                reason,
            )
        ],
        actor_id=actor_id,
        now=now,
    )


async def revoke_role(
    session: WriteSession,
    *,
    actor: Actor | None,
    user_id: UUID,
    grant: Grant,
    day: date,
    reason: str | None = None,
    now: datetime,
) -> bool:
    """Not held any more from `day` on; what an administrator had asked others to approve is asked for no longer.

    Returns whether it was held: not held anyway is success. Raises NoSuchUser.
    """
    await lock_account(session, user_id)
    never_began = await session.execute(
        delete(RoleGrant).where(*_same(user_id, grant), col(RoleGrant.valid_from) >= day).returning(col(RoleGrant.id))
    )
    ended = await session.execute(
        update(RoleGrant)
        .where(*_same(user_id, grant), or_(col(RoleGrant.valid_to).is_(None), col(RoleGrant.valid_to) > day))
        .values(valid_to=day)
        .returning(col(RoleGrant.id))
    )
    if not never_began.all() and not ended.all():
        return False
    if grant.role is Role.ADMINISTRATOR:  # nobody else asks
        await withdraw_all_of(session, user_id, now=now)
    await sign_out_everywhere(session, user_id=user_id, kinds=("api",), now=clock.wall())
    await record_changes(
        session,
        [
            Change(
                "role.revoked", f"user_account:{user_id}", {"grant": grant_text(grant)}, {"valid_to": str(day)}, reason
            )
        ],
        actor_id=_id(actor),
        now=now,
    )
    return True


async def reset_password(
    session: WriteSession, *, actor: Actor | None, user_id: UUID, password_hash: str, now: datetime
) -> None:
    """A new password; whoever was signed in with the old one is out, and the owner is told. Raises NoSuchUser."""
    await lock_account(session, user_id)
    await set_password(
        session,
        actor_id=_id(actor),
        user_id=user_id,
        password_hash=password_hash,
        action="user.password_reset",
        now=now,
    )
    await tell_owner(session, user_id, "password_changed", now=now)


async def suspend(
    session: WriteSession, *, actor: Actor | None, user_id: UUID, reason: str | None = None, now: datetime
) -> None:
    """Nobody signs in with this account, and whoever is signed in is out within a second; what it had asked others to
    approve is asked for no longer. Raises NoSuchUser.
    """
    await _set_state(session, actor_id=_id(actor), user_id=user_id, state="suspended", reason=reason, now=now)
    await withdraw_all_of(session, user_id, now=now)
    await sign_out_everywhere(session, user_id=user_id, now=clock.wall())


async def reinstate(
    session: WriteSession, *, actor_id: UUID | None, user_id: UUID, reason: str | None = None, now: datetime
) -> None:
    """A suspended account may sign in again. Raises NoSuchUser, NotSuspended."""
    if not await _set_state(session, actor_id=actor_id, user_id=user_id, state="active", reason=reason, now=now):
        raise NotSuspended("它可以登录，或者本人已经注销。")


async def person_id_of(session: ReadSession, email: str) -> UUID:
    """Of whom an account is, by its verified email. Raises NoSuchUser."""
    requested = select(col(UserAccount.person_id)).where(col(UserAccount.id) == await user_id_of(session, email))
    return (await session.execute(requested)).scalar_one()


async def user_id_of(session: ReadSession, email: str) -> UUID:
    """For those who name people by email: one that is verified. Raises NoSuchUser."""
    found: UUID | None = await session.scalar(_NAMED, {"email": email.strip().lower()})
    if found is None:
        raise NoSuchUser("请核对邮箱；还没有确认的邮箱不算。")
    return found


async def _set_state(
    session: WriteSession, *, actor_id: UUID | None, user_id: UUID, state: str, reason: str | None, now: datetime
) -> bool:
    """False where it stands so already, and of a closed account: nobody signs in with it, and nobody will."""
    before = await lock_account(session, user_id)
    if before in (state, "closed"):
        return False
    await session.execute(update(UserAccount).where(col(UserAccount.id) == user_id).values(state=state))
    await record_changes(
        session,
        [Change(f"user.{state}", f"user_account:{user_id}", {"state": before}, {"state": state}, reason)],
        actor_id=actor_id,
        now=now,
    )
    return True


async def lock_account(session: WriteSession, user_id: UUID) -> str:
    """Nobody signs in while an account changes. Its state. Raises NoSuchUser."""
    state: str | None = await session.scalar(
        select(col(UserAccount.state)).where(col(UserAccount.id) == user_id).with_for_update()
    )
    if state is None:
        raise NoSuchUser("请核对账号。")
    return state


def _same(user_id: UUID, grant: Grant) -> tuple[ColumnElement[bool], ...]:
    return (
        col(RoleGrant.user_id) == user_id,
        col(RoleGrant.role) == grant.role.value,
        col(RoleGrant.scope_kind) == grant.scope_kind,
        col(RoleGrant.scope_id) == grant.scope_id,
    )


def _check_scope(grant: Grant) -> None:
    match grant.scope_kind:
        case "all":
            fits = grant.scope_id == "*"
        case "county":
            fits = bool(_COUNTY.fullmatch(grant.scope_id))
        case _:
            fits = _is_uuid(grant.scope_id)
    if not fits:
        raise BadScope("范围写作 all:*、unit:编号、producer:编号、supplier:编号 或 county:六位代码。")


def _is_uuid(written: str) -> bool:
    try:
        return str(UUID(written)) == written
    except ValueError:
        return False


def _id(actor: Actor | None) -> UUID | None:
    return actor.user_id if actor else None
