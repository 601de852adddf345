"""Accounts and roles: made by verbs, noted for the auditor, held on half-open days."""

from datetime import date, timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.contact import BadContact, checked_email, checked_phone
from shop.access.permissions import Grant, Role, ScopeKind
from shop.access.users import (
    BadScope,
    EmailTaken,
    NoSuchUser,
    create_user,
    grant_role,
    revoke_role,
    suspend,
    user_id_of,
)
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.people import bearer, client_of, somebody

STAFF = Grant(Role.STAFF, "all", "*")


@pytest.mark.anyio
async def test_an_email_has_one_account_however_it_is_written(database: Database) -> None:
    ada = await somebody(database, "Ada@Example.com")
    with pytest.raises(EmailTaken):
        await somebody(database, " ada@EXAMPLE.com")
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM person")) == 1, "nothing is left of the second"
    async with database.transaction() as session:
        assert await user_id_of(session, "ADA@example.com") == ada.user_id
        with pytest.raises(NoSuchUser):
            await user_id_of(session, "bob@example.com")


@pytest.mark.anyio
async def test_a_role_holds_from_its_first_day_to_the_day_before_its_last(app: FastAPI, database: Database) -> None:
    ada = await somebody(database, "ada@example.com")
    today = clock.today()
    async with database.transaction() as session:
        await grant_role(
            session, actor_id=None, user_id=ada.user_id, grant=STAFF, valid_from=today + timedelta(days=1),
            valid_to=today + timedelta(days=3), now=clock.now(),
        )  # fmt: skip
    seen = []
    async with client_of(app) as client:
        for days in range(5):
            clock.set_ahead(timedelta(days=days))
            who = await bearer(client, ada.email)
            me = (await client.get("/api/v1/me", headers=who)).json()
            seen.append([one["role"] for one in me["roles"]])
    assert seen == [[], ["staff"], ["staff"], [], []]


@pytest.mark.anyio
async def test_granting_twice_is_granting_once_and_revoking_keeps_history(database: Database) -> None:
    ada = await somebody(database, "ada@example.com")
    async with database.transaction() as session:
        for start in (date(2024, 1, 1), date(2024, 1, 1), date(2025, 1, 1)):
            await grant_role(
                session, actor_id=None, user_id=ada.user_id, grant=STAFF, valid_from=start, now=clock.now()
            )
    assert await held(database) == [(date(2024, 1, 1), None)]
    async with database.transaction() as session:
        for _ in range(2):
            await revoke_role(
                session, actor=None, user_id=ada.user_id, grant=STAFF, day=date(2026, 1, 1), now=clock.now()
            )
    assert await held(database) == [(date(2024, 1, 1), date(2026, 1, 1))]
    async with database.transaction() as session:  # begun and ended on one day: never held
        await grant_role(
            session, actor_id=None, user_id=ada.user_id, grant=STAFF, valid_from=date(2026, 5, 1), now=clock.now()
        )
        await revoke_role(session, actor=None, user_id=ada.user_id, grant=STAFF, day=date(2026, 5, 1), now=clock.now())
    assert await held(database) == [(date(2024, 1, 1), date(2026, 1, 1))]
    async with database.reading() as session:
        noted = await session.scalars(text("SELECT action FROM audit_event ORDER BY id"))
        assert list(noted) == ["user.created", "role.granted", "role.revoked", "role.granted", "role.revoked"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "scope"),
    [("all", "everything"), ("unit", "*"), ("unit", "BANK"), ("county", "52263"), ("supplier", "甲"), ("producer", "")],
)
async def test_a_scope_must_be_one(database: Database, kind: ScopeKind, scope: str) -> None:
    ada = await somebody(database, "ada@example.com")
    with pytest.raises(BadScope):
        async with database.transaction() as session:
            await grant_role(
                session, actor_id=None, user_id=ada.user_id, grant=Grant(Role.STAFF, kind, scope),
                valid_from=date(2024, 1, 1), now=clock.now(),
            )  # fmt: skip
    assert await held(database) == []


@pytest.mark.anyio
async def test_nobody_cannot_be_changed(database: Database) -> None:
    with pytest.raises(NoSuchUser):
        async with database.transaction() as session:
            await suspend(session, actor=None, user_id=new_id(), now=clock.now())


@pytest.mark.anyio
async def test_the_audit_holds_no_personal_data(database: Database) -> None:
    async with database.transaction() as session:
        await create_user(
            session, actor=None, email="ada@example.com", name="张三丰", phone="13800138000", password_hash="x",
            now=clock.now(),
        )  # fmt: skip
    async with database.reading() as session:
        row = str(await session.scalar(text("SELECT audit_event::text FROM audit_event")))
    assert not any(secret in row for secret in ("ada@", "example.com", "张三丰", "13800138000"))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("13800138000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("021-63211234", "2163211234"),
        ("+852 2810 2000", "+85228102000"),
    ],
)
def test_phones_are_kept_in_one_form(typed: str, kept: str) -> None:
    assert checked_phone(typed) == kept


@pytest.mark.parametrize("typed", ["", "12345", "1380013800", "23800138000", "手机", "1" * 100, "+99912345678"])
def test_phones_that_cannot_be_are_refused(typed: str) -> None:
    with pytest.raises(BadContact):
        checked_phone(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "a@b",
        "a@b.c" + "d" * 300,
        "a\x00@b.cn",
        "root,a@b.cn",
        "a<b@c.cn",
        '"a"@b.cn',
    ],
)
def test_emails_that_cannot_be_are_refused(typed: str) -> None:
    with pytest.raises(BadContact):
        checked_email(typed)


async def held(database: Database) -> list[tuple[date, date | None]]:
    async with database.reading() as session:
        rows = await session.execute(text("SELECT valid_from, valid_to FROM role_grant ORDER BY valid_from"))
        return [(row.valid_from, row.valid_to) for row in rows]
