"""Accounts and their roles, as far as an administrator answers for them; who is suspended."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, String, Uuid, bindparam, text

from shop.access import users
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import NotFound, SecondPersonNeeded
from shop.core.window import in_force, not_ended
from shop.organisation.authority import EVERYBODY, Place, of_units, require
from shop.organisation.queries import unit_path, units_below, visible_unit_ids

SHOWN_MAX = 50
# Where an account belongs: where its person works, and where its roles hold; ever: or did.
_PLACES = f"""
SELECT m.unit_id FROM membership m WHERE m.person_id = u.person_id
    AND m.valid_from <= :day AND (CAST(:ever AS bool) OR {not_ended("m", ":day")})
UNION SELECT n.id FROM role_grant g JOIN unit n ON n.id::text = g.scope_id
WHERE g.user_id = u.id AND g.scope_kind = 'unit'
    AND (CAST(:ever AS bool) OR {not_ended("g", ":day")})
"""  # noqa: S608  # expressions of our own
_ACCOUNT = text(f"""
SELECT u.id, ARRAY({_PLACES}) AS units, EXISTS (SELECT FROM role_grant g WHERE g.user_id = u.id
    AND g.scope_kind <> 'unit' AND (CAST(:ever AS bool) OR {not_ended("g", ":day")})) AS wider,
    (SELECT m.unit_id FROM membership m WHERE m.person_id = u.person_id
    AND {in_force("m", ":day")}) AS works_at
FROM user_account u WHERE u.id = :user
""")  # noqa: S608  # composed of our own constants
_ACCOUNTS = text(f"""
SELECT u.id, u.email, u.email_verified_at IS NOT NULL AS verified, u.state, p.name,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'role', g.role,
    'scope', CASE g.scope_kind WHEN 'all' THEN '*' WHEN 'unit' THEN n.name ELSE g.scope_id END)
    ORDER BY g.role, g.id), '[]')
    FROM role_grant g LEFT JOIN unit n ON g.scope_kind = 'unit' AND n.id::text = g.scope_id
    WHERE g.user_id = u.id AND {in_force("g", ":day")}
        AND (CAST(:everybody AS bool) OR n.id = ANY(:units))) AS roles
FROM user_account u JOIN person p ON p.id = u.person_id
WHERE (CAST(:everybody AS bool) OR EXISTS (SELECT FROM ({_PLACES}) places WHERE places.unit_id = ANY(:units)))
    AND (CAST(:words AS text) = '' OR strpos(lower(u.email), lower(:words)) > 0 OR strpos(p.name, :words) > 0)
ORDER BY lower(u.email) LIMIT {SHOWN_MAX}
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # as above

_NAMED = text("""
SELECT u.id, u.email, p.name FROM user_account u JOIN person p ON p.id = u.person_id WHERE u.id = ANY(:ids)
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)))

_SCOPES = text("""
SELECT 'unit' AS kind, id::text AS id, code AS said, name FROM unit WHERE id::text = ANY(:said) OR code = ANY(:said)
UNION ALL SELECT 'supplier', id::text, name, '' FROM supplier WHERE id::text = ANY(:said) OR name = ANY(:said)
UNION ALL SELECT 'county', code, code, name FROM county WHERE code = ANY(:said)
""").bindparams(bindparam("said", type_=ARRAY(String)))


async def scopes_named(session: ReadSession, said: Collection[str]) -> dict[str, str]:
    """Units, suppliers and counties by their ids, as people call them."""
    rows = await session.execute(_SCOPES, {"said": list(said)})
    return {row.id: f"{row.name} {row.said}".strip() for row in rows}


async def scope_id_of(session: ReadSession, actor: Actor, kind: str, said: str, day: date) -> str:
    """The id of a supplier's name, or of the code of a unit of the actor's; anything else stays as it was said."""
    units = await visible_unit_ids(session, actor, Permission.USER_ADMINISTER, day)
    rows = await session.execute(_SCOPES, {"said": [said]})
    his = (row for row in rows if row.kind != "unit" or units is None or UUID(row.id) in units)
    return next((row.id for row in his if (row.kind, row.said) == (kind, said)), said)


async def accounts_of(session: ReadSession, actor: Actor, *, words: str, day: date) -> list[Row[Any]]:
    """Rows of (id, email, verified, state, name, roles) that belong to a unit of the actor's, at most 50, by e-mail;
    of the roles those that he may end.
    """
    units = await visible_unit_ids(session, actor, Permission.USER_ADMINISTER, day)
    named = {"everybody": units is None, "units": list(units or ()), "words": words, "day": day, "ever": False}
    return list((await session.execute(_ACCOUNTS, named)).all())


async def suspend(session: WriteSession, *, actor: Actor, user_id: UUID, reason: str, now: datetime) -> None:
    """Nobody signs in with it from now on. One person suffices: what protects does not wait.

    Raises NotFound out of the actor's reach, SecondPersonNeeded for oneself.
    """
    await _within(session, actor, user_id, now)
    await users.suspend(session, actor=actor, user_id=user_id, reason=reason, now=now)


async def place_of(session: ReadSession, user_id: UUID, day: date, *, ever: bool = False) -> Place:
    """Where an account belongs: its units, or everybody where a role reaches further. Of who works in a company its
    own alone: a role that others gave him takes him out of nobody's hands. ever: all of them, those that it left too,
    since its orders still tell of them. Raises NotFound.
    """
    account = (await session.execute(_ACCOUNT, {"user": user_id, "day": day, "ever": ever})).one_or_none()
    if account is None:
        raise NotFound("没有这个账号。")
    if account.wider or not account.units:
        return EVERYBODY
    if account.works_at is None or ever:
        return of_units(*account.units)
    top = (await unit_path(session, account.works_at, day))[-1]
    return of_units(*set(account.units).intersection(await units_below(session, top, day)))


async def named(session: ReadSession, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Name and e-mail of accounts, to be shown to those who decide about them."""
    rows = await session.execute(_NAMED, {"ids": list(user_ids)})
    return {row.id: f"{row.name or '—'} {row.email}" for row in rows}


async def _within(session: WriteSession, actor: Actor, user_id: UUID, now: datetime) -> None:
    day = clock.business_day(now)
    await require(session, actor, Permission.USER_ADMINISTER, await place_of(session, user_id, day), day=day)
    if user_id == actor.user_id:
        raise SecondPersonNeeded("不能停用自己的账号，请同事办理。")
