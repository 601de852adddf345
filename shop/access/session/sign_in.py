"""Prove who you are with email and password; get a session."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import Date, Row, Uuid, bindparam, text
from sqlmodel import col, insert, select, update

from shop.access.account.passwords import verify_password
from shop.access.demo_accounts import is_demo
from shop.access.models import SignInSession, UserAccount
from shop.access.notice import note_notice
from shop.access.permissions import Actor
from shop.access.security_event import TOLD, note_security
from shop.access.session import page_sessions as sessions
from shop.access.session import tokens
from shop.access.session.attempts import (
    ACCOUNT_MOST,
    ADDRESS_MOST,
    DEVICE_MOST,
    EVERYWHERE_MOST,
    TooManyAttempts,
    forget,
    key_of,
    reserve,
)
from shop.access.session.page_sessions import GRANTS_TODAY, digest_of, new_secret
from shop.access.session.tokens import grants_of
from shop.access.who import is_named
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, WriteSession
from shop.core.errors import NotSignedIn
from shop.core.ids import new_id
from shop.core.keys import Keys
from shop.core.settings import Settings

Kind = Literal["page", "api"]
_ACCOUNT: Final = text(
    f"SELECT id, password_hash FROM user_account WHERE {is_named('')} AND state = 'active'"  # noqa: S608  # our own words
)
_GRANTS: Final = text(
    f"SELECT ({GRANTS_TODAY.format(day=':day')}) FROM user_account AS account WHERE account.id = :user_id"  # noqa: S608
).bindparams(bindparam("day", type_=Date), bindparam("user_id", type_=Uuid))


class WrongCredentials(NotSignedIn):
    """Says the same of an unknown account, an unverified address, a wrong password and a suspended account."""

    code = "wrong_credentials"
    title = "邮箱或密码不对"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """secret: the page's cookie, told once and stored nowhere; None for the API, whose token names the session."""

    actor: Actor
    secret: str | None
    expires_at: datetime


async def sign_in(
    database: Database,
    *,
    keys: Keys,
    settings: Settings,
    kind: Kind,
    email: str,
    password: str,
    address: str | None,
    device: str | None = None,
    now: datetime,
) -> SignedIn:
    """Opens its own short transactions: the slow hash runs between them, with no connection held.

    address: the caller's own (`own_address`), kept only as a keyed digest. device: the browser's name where this
    account has signed in with it before (`known_device`). now: the machine's time.
    Raises WrongCredentials, also for the demo's accounts in production; TooManyAttempts where the budgets are spent.
    """
    email = email.strip().lower()
    own, shared = _budgets(keys, email, address, device)
    named = f"account:{key_of(keys, 'named', email).hex()[:16]}"
    try:
        async with database.transaction() as session:
            await reserve(session, own | shared, now=now)
            account = None if settings.production and is_demo(email) else await _account(session, email)
    except TooManyAttempts:
        if TOLD.is_news(named, "throttled"):
            await note_security(database, "throttled", subject=named, now=clock.now())
        raise
    fits, newer_hash = await verify_password(password, account.password_hash if account else None)
    if account is None or not fits:
        subject = f"user_account:{account.id}" if account else named
        if TOLD.is_news(subject, "sign_in_refused"):
            await note_security(database, "sign_in_refused", subject=subject, now=clock.now())
        raise WrongCredentials("请核对邮箱和密码后再试。新注册的邮箱要先打开确认邮件里的链接；忘记密码可以用邮件重设。")
    async with database.transaction() as session:
        await forget(session, all_of=own, one_of=shared)
        return await open_session(
            session, user_id=account.id, verified_hash=account.password_hash, newer_hash=newer_hash, kind=kind, now=now
        )


def _budgets(
    keys: Keys, email: str, address: str | None, device: str | None
) -> tuple[dict[bytes, int], dict[bytes, int]]:
    """Attempts allowed in the window: on keys that are this caller's own, and on keys that he shares with others.

    A known device has its own and no other: whatever strangers fail at, its owner is heard. Nothing counts against an
    address that is not known to be one caller's: strangers would close it for everybody.
    """
    if device is not None:
        return {key_of(keys, "device", f"{device} {email}"): DEVICE_MOST}, {}
    everywhere = {key_of(keys, "everywhere", email): EVERYWHERE_MOST}
    if address is None:
        return {}, everywhere
    own = {key_of(keys, "account", f"{address} {email}"): ACCOUNT_MOST}
    return own, everywhere | {key_of(keys, "address", address): ADDRESS_MOST}


async def open_session(
    session: WriteSession,
    *,
    user_id: UUID,
    verified_hash: str,
    newer_hash: str | None = None,
    kind: Kind,
    now: datetime,
) -> SignedIn:
    """A session for the account whose password was just found right.

    The account's row is locked first: a suspension, a new password or another grant comes wholly before or wholly
    after, and then ends this session too. Raises WrongCredentials when one of the first two came before.
    """
    account = (
        await session.execute(
            select(col(UserAccount.person_id))
            .where(
                col(UserAccount.id) == user_id,
                col(UserAccount.state) == "active",
                col(UserAccount.password_hash) == verified_hash,
            )
            .with_for_update()
        )
    ).one_or_none()
    if account is None:
        raise WrongCredentials("账号刚刚有变化，请重新登录。")
    if newer_hash:
        await session.execute(
            update(UserAccount).where(col(UserAccount.id) == user_id).values(password_hash=newer_hash)
        )
    await note_notice(session, user_id=user_id, now=now)
    await record_change(
        session,
        actor_id=user_id,
        action="security.signed_in",
        subject=f"user_account:{user_id}",
        after={"kind": kind},
        now=clock.now(),
    )
    session_id, secret = new_id(), new_secret() if kind == "page" else None
    expires_at = now + (sessions.LIFETIME if kind == "page" else tokens.LIFETIME)
    await session.execute(
        insert(SignInSession).values(
            id=session_id,
            user_id=user_id,
            kind=kind,
            secret_sha256=digest_of(secret) if secret else None,
            created_at=now,
            expires_at=expires_at,
        )
    )
    grants = await session.scalar(_GRANTS, {"day": clock.today(), "user_id": user_id})
    return SignedIn(Actor(user_id, account.person_id, session_id, grants_of(grants or ())), secret, expires_at)


async def _account(session: WriteSession, email: str) -> Row[UUID, str] | None:
    if not email.isprintable():
        return None  # no account has such an email, and PostgreSQL takes no zero bytes
    found = await session.execute(_ACCOUNT, {"email": email.encode(errors="replace").decode()})
    return found.one_or_none()
