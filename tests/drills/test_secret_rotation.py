"""SECRET_KEY changes under a running shop: what it signed is recognised, what it hid stays the same, and another
programme that has the same secret is a stranger's.
"""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import sha256

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from joserfc.jwk import OctKey
from sqlalchemy import text

from shop.access.permissions import Actor, Role
from shop.access.session.tokens import Tokens
from shop.app.commands.secrets import replace_lost
from shop.app.main import create_app
from shop.app.migrate import make_ready, migrate
from shop.core import clock
from shop.core.database import Database, open_database
from shop.core.ids import new_id
from shop.core.keys import Keys, KeysLocked, keys_of
from shop.core.postgres import embedded
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from tests.make.banking import Row, share, share_now
from tests.make.caller import as_caller
from tests.make.evidence import worker
from tests.make.keys import keys_from
from tests.make.mandate import a_desk
from tests.make.outbox import link_to
from tests.make.people import bearer, client_of, somebody
from tests.make.phone import code_sent
from tests.make.shop import small_shop
from tests.orders.banking.test_matching import Desk
from tests.orders.bulk.test_choices import choosing, links
from tests.shop.access.test_pages import BUYER, sign_in, token_in
from tests.shop.access.test_phone_proofs import ask
from tests.shop.access.test_reset import forget, set_new
from tests.shop.access.test_throttle import WRONG, guess

pytestmark = [pytest.mark.anyio, pytest.mark.drill]

SECRET = sha256(b"of the second year").hexdigest()
ADA, PHONE = "ada@example.com", "13900000001"
Door = AbstractAsyncContextManager[FastAPI]


def with_secrets(settings: Settings, secret: str, *fallbacks: str) -> Settings:
    return settings.model_copy(update={"secret_key": secret, "secret_key_fallbacks": ",".join(fallbacks)})


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[FastAPI]:
    """Another web process on the same database."""
    made = create_app(settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def rotated(settings: Settings) -> Callable[[], Door]:
    """The shop with another SECRET_KEY, which still knows the first."""
    return lambda: running(with_secrets(settings, SECRET, DEVELOPMENT_SECRET))


@pytest.fixture
async def forgotten(settings: Settings) -> AsyncIterator[FastAPI]:
    """The shop after it: migrated with both, and the first one is known no more."""
    await make_ready(with_secrets(settings, SECRET, DEVELOPMENT_SECRET), settings.database_owner_url or "")
    async with running(with_secrets(settings, SECRET)) as app:
        yield app


async def test_tokens_forms_and_known_devices(
    app: FastAPI, rotated: Callable[[], Door], forgotten: FastAPI, database: Database
) -> None:
    await somebody(database, ADA, BUYER)
    async with client_of(app) as before, rotated() as new_app, client_of(new_app) as new, client_of(forgotten) as later:
        token = await bearer(before, ADA)
        await sign_in(before, ADA)
        form = token_in(await before.get("/me/password"))
        new.cookies, later.cookies = before.cookies, before.cookies
        assert [(await one.get("/api/v1/me", headers=token)).status_code for one in (before, new, later)] == [
            200, 200, 401
        ]  # fmt: skip
        typed = {"current_password": "wrong", "password": "another kettle of rice"}
        sent = [(await one.post("/me/password", data=typed | {"csrf_token": form})).status_code for one in (new, later)]
        assert sent == [422, 403], "a page that was open is taken; without the fallback it is told to reload"
        assert (await new.get("/api/v1/me", headers=await bearer(new, ADA))).status_code == 200
        async with client_of(new_app, "198.51.100.7") as stranger, client_of(new_app, "198.51.100.8") as her:
            await guess(stranger, 12, ADA)
            cookie = before.cookies["bangfu_device"]
            her.cookies.set("bangfu_device", cookie, domain="shop.test", path="/")
            assert (await sign_in(her, ADA, WRONG)).status_code == 401
            assert (await sign_in(her, ADA)).status_code == 303
            assert her.cookies["bangfu_device"] != cookie, "signed anew"


async def test_links_and_codes_that_were_sent(
    app: FastAPI, rotated: Callable[[], Door], settings: Settings, database: Database
) -> None:
    await somebody(database, ADA, BUYER)
    async with client_of(app) as before, rotated() as new_app, client_of(new_app) as after:
        await forget(before, ADA)
        path = await link_to(database, settings, ADA)
        proof_id = await ask(before, PHONE)
        code = await code_sent(database, settings, PHONE)
        assert (await set_new(after, path)).status_code == 303
        confirmed = await after.post(f"/api/v1/phone-proofs/{proof_id}/confirm", json={"code": code})
        assert confirmed.status_code == 200, confirmed.text


async def test_a_members_link_stays_when_the_list_is_made_again(
    app: FastAPI, rotated: Callable[[], Door], database: Database
) -> None:
    plan = await choosing(database)
    before = await links(app, plan)
    async with rotated() as after:
        assert await links(after, plan) == before
        async with client_of(after) as member:
            assert (await member.get(before[0])).status_code == 200


async def test_no_pseudonym_changes(app: FastAPI, client: AsyncClient, forgotten: FastAPI, database: Database) -> None:
    desk = await a_desk(client, database)
    await desk.mandated()
    before = {one["order_line_id"]: one["pseudonym"] for one in await desk.lines()}
    assert None not in before.values()
    async with client_of(forgotten) as after:
        auditor = await bearer(after, "auditor@example.com")
        lines = (await after.get("/api/v1/audit/lines?limit=100", headers=auditor)).json()["items"]
    assert {one["order_line_id"]: one["pseudonym"] for one in lines} == before


async def test_no_account_is_a_stranger(app: FastAPI, forgotten: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    first, second = [await worker(database, Role.STAFF, "unit", shop.bank) for _ in range(2)]
    desk = Desk(app, database, shop, first, second)
    payer, account = new_id(), {"name": "示例银行总工会（虚构）", "account": "1001200130014001"}
    of = await share(database, shop, due_fen=1_000, payer_id=payer)
    known = Row("S1", "10.00", of.transfer_code, **account)
    await desk.imported(known)
    (waiting,) = await desk.queue()
    proposal = (await desk.propose(waiting, (of, None), remember=True)).json()["proposal_id"]
    assert (await desk.decide(second, waiting, proposal)).status_code == 200
    desk.app = forgotten
    by_amount = await share(database, shop, due_fen=777, payer_id=payer)
    done = await desk.imported(known, Row("S2", "7.77", "货款", **account))
    assert (done["matched"], await share_now(database, by_amount.id)) == (1, (777, 777, "paid"))


async def test_another_programme_with_the_same_secret_is_a_strangers(
    app: FastAPI, settings: Settings, database: Database
) -> None:
    """Roles stand in the token: an administrator of one must not be one of the other."""
    owner, schema = settings.database_owner_url or "", "programme_two"
    await migrate(owner, schema=schema, app_role=embedded.APP_ROLE, secrets=settings.secrets)
    staff = await worker(database, Role.STAFF, "all", "*")
    async with running(settings.model_copy(update={"database_schema": schema})) as there:
        async with as_caller(app, staff) as here:
            token = here.headers["authorization"]
            assert (await here.get("/api/v1/counting-rules")).status_code == 200
        async with client_of(there) as other:
            answer = await other.get("/api/v1/counting-rules", headers={"authorization": token})
        assert answer.status_code == 401, answer.text
        assert app.state.keys.programme != there.state.keys.programme


async def test_a_secret_that_opens_nothing_is_refused_and_changes_nothing(
    settings: Settings, database: Database, keys: Keys
) -> None:
    alone = with_secrets(settings, SECRET)
    with pytest.raises(KeysLocked) as refused:
        async with running(alone):
            pass
    assert "SECRET_KEY_FALLBACKS" in (refused.value.detail or "")
    assert SECRET not in str(refused.value) + repr(keys)
    with pytest.raises(KeysLocked):
        await make_ready(alone, settings.database_owner_url or "")
    opened = await open_database(settings)
    assert await keys_of(opened, settings) == keys
    await opened.close()


async def test_who_has_lost_the_secret_goes_on(
    settings: Settings, database: Database, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("shop_env", "database_url", "database_owner_url", "database_schema"):
        monkeypatch.setenv(name, getattr(settings, name))
    monkeypatch.setenv("SECRET_KEY", SECRET)
    await replace_lost("机房失火，旧的配置没有备份")
    opened = await open_database(settings)
    new = await keys_of(opened, with_secrets(settings, SECRET))
    assert (new.programme, new.accounts != keys.accounts) == (keys.programme, True)
    async with opened.reading() as session:
        noted = await session.scalar(text("SELECT reason FROM audit_event WHERE action = 'programme.keys_replaced'"))
    await opened.close()
    assert noted == "机房失火，旧的配置没有备份"


@pytest.fixture
async def upgraded(settings: Settings, database: Database) -> Keys:
    """Of a shop that the last release served until now: it had people, and no keys of its own."""
    await somebody(database, ADA, BUYER)
    await as_owner(settings, "DELETE FROM programme")
    await make_ready(settings, settings.database_owner_url or "")
    return await read_anew(settings)


async def read_anew(settings: Settings) -> Keys:
    """As another process does."""
    opened = await open_database(settings)
    try:
        return await keys_of(opened, settings)
    finally:
        await opened.close()


async def as_owner(settings: Settings, statement: str) -> None:
    owner = await open_database(settings.model_copy(update={"database_url": settings.database_owner_url}))
    async with owner.transaction() as session:
        await session.execute(text(statement))
    await owner.close()


async def test_a_shop_from_before_keeps_its_pseudonyms_and_accounts(keys: Keys, upgraded: Keys) -> None:
    """Theirs were made from the SECRET_KEY of that time; those of a new shop are nobody's to guess."""
    old = DEVELOPMENT_SECRET.encode()
    assert (upgraded.accounts, upgraded.pseudonyms) == (old, hmac.digest(old, b"pseudonyms", sha256))
    assert len({keys.accounts, keys.pseudonyms, old}) == 3
    assert len(keys.accounts) == len(keys.pseudonyms) == 32


def of_the_last_release(actor: Actor) -> str:
    key = OctKey.import_key(hmac.digest(DEVELOPMENT_SECRET.encode(), b"api tokens", sha256))
    return Tokens(keys_from("not asked"), key).issue(actor, now=clock.wall())


async def test_who_was_signed_in_before_the_upgrade_buys_on(
    keys: Keys, upgraded: Keys, settings: Settings, database: Database
) -> None:
    buyer = await worker(database, Role.EMPLOYEE, "all", "*")
    token, now = of_the_last_release(buyer), clock.wall()
    assert Tokens.of(upgraded).read(token, now=now) == buyer
    assert Tokens.of(keys).read(token, now=now) is None, "a shop that began later had no release before"
    later = with_secrets(settings, SECRET)
    await make_ready(with_secrets(settings, SECRET, DEVELOPMENT_SECRET), settings.database_owner_url or "")
    assert Tokens.of(await read_anew(later)).read(token, now=now) is None, "the secret is another one"
    await make_ready(with_secrets(settings, DEVELOPMENT_SECRET, SECRET), settings.database_owner_url or "")
    await as_owner(settings, "UPDATE programme SET began_at = began_at - interval '25 hours'")
    assert Tokens.of(await read_anew(settings)).read(token, now=now) is None, "a day is enough for an upgrade"
