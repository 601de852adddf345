"""`shop doctor`: is everything there that the shop stands on?"""

import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from orders.credit.ahead import FEWEST, last_partition, months_ahead
from orders.seal.key import seal_key
from orders.seal.key_list import signs
from shop.access.demo_accounts import demo_accounts
from shop.adapters.files.open import open_files
from shop.app.home.health import readiness
from shop.core import clock
from shop.core.database import Database, open_database
from shop.core.errors import Problem
from shop.core.keys import is_wrapped_anew
from shop.core.postgres.connection import is_encrypted
from shop.core.postgres.database_role import too_strong
from shop.core.postgres.replica import look_at
from shop.core.settings import AddressWrong, Settings, refusal_of
from shop.messages.queries import ChannelState, channel_states
from shop.messages.senders import carried, check_addresses

LATE = timedelta(hours=1)
_UNKNOWN_PROXIES = text("""
SELECT subject, action = 'security.proxy_silent' AS silent, max(at) AT TIME ZONE 'UTC' AS at FROM audit_event
WHERE (at > now() - interval '1 day' AND action = 'security.proxy_unknown')
    OR (at > now() - interval '2 hours' AND action = 'security.proxy_silent')
GROUP BY subject, action ORDER BY subject, action
""")
_PRIMARY = {False: "answers", True: "does not answer, or is only a copy: nothing can be written"}
_SET_BY = {"mail": "MAIL_URL", "sms": "SMS_URL"}
CLOCK_MAY_DIFFER = timedelta(seconds=2)  # from the database's; signatures of webhooks live five minutes


@dataclass(frozen=True, slots=True)
class Finding:
    """ok: False is what must be mended before the shop is opened."""

    name: str
    ok: bool
    said: str

    def as_json(self) -> dict[str, object]:
        return asdict(self)


async def examine() -> list[Finding]:
    """Everything at once, so that one visit is enough. Never raises."""
    try:
        settings = Settings()
    except ValidationError as error:
        return [Finding("settings", ok=False, said=refusal_of(error))]
    found = [Finding("settings", ok=True, said=settings.shop_env), _payments(settings), _fonts(), _proxies(settings)]
    found.append(_files(settings))
    try:
        database = await open_database(settings)
    except Exception as error:  # noqa: BLE001  # it is the finding
        return [*found, Finding("database", ok=False, said=f"{type(error).__name__}: is DATABASE_URL right?")]
    try:
        async for one in examined(database, settings):
            found.append(one)  # noqa: PERF401  # those before an error are kept
    except Exception as error:  # noqa: BLE001
        found.append(Finding("database", ok=False, said=_in_a_line(error)))
    finally:
        await database.close()
    return found


def _in_a_line(error: Exception) -> str:
    """What PostgreSQL said, without the statement and the toolkit's advice."""
    behind = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else None
    said = str(behind or error).partition("\n")[0]
    return f"{type(error).__name__}: {said or 'no answer in time'}"


async def examined(database: Database, settings: Settings) -> AsyncIterator[Finding]:
    """What the database itself tells. Raises whatever it raises, where neither the primary nor a replica answers."""
    await look_at(database)
    async with database.reading() as session:
        version = await session.scalar(text("SHOW server_version"))
        yield Finding("database", ok=int(str(version).split(".")[0]) >= 15, said=f"PostgreSQL {version} (15 to 18)")
        letters = await session.scalar(text("SELECT lower('Ä') = 'ä' AND '苹果' ~ '^[[:alpha:]]+$'"))
        yield Finding(
            "chinese text",
            ok=bool(letters),
            said="letters" if letters else "the database sees no letters in 苹果: initdb with a UTF-8 locale",
        )
        away = abs((await session.scalar(text("SELECT clock_timestamp()"))) - clock.wall())
        yield Finding("clock", ok=away < CLOCK_MAY_DIFFER, said=f"{away.total_seconds():.1f} s from the database's")
        why = await too_strong(session)
        yield Finding("role", ok=why is None, said=why or "owns nothing")
    stands = await readiness(database)
    yield Finding("primary", ok="database" not in stands.reasons, said=_PRIMARY["database" in stands.reasons])
    if "database" not in stands.reasons:
        yield await _line(database, settings)
        yield Finding("schema", ok=stands.ready, said="up to date" if stands.ready else "shop migrate is needed")
    if stands.ready:
        yield await _months(database)
        yield await _secret(database, settings)
        yield await _seal_key(database, settings)
        yield await _demo(database, settings)
        yield await _strange_proxies(database, settings)
        alive = "worker" not in stands.degraded
        yield Finding("worker", ok=alive, said="alive" if alive else "none is running: start `shop work`")
        yield await _messages(database, settings)
    if database.replica:
        await look_at(database)  # now its programme is known
        well = database.replica.well
        said = "answers" if well else "silent, or of another shop: the primary answers what is read"
        yield Finding("replica", ok=well, said=said)


async def _months(database: Database) -> Finding:
    async with database.reading() as session:
        ahead = months_ahead(await last_partition(session), clock.now())
    said = f"{ahead:.0f} ahead" if ahead >= FEWEST else f"only {ahead:.0f} ahead: is a worker running?"
    return Finding("months", ok=ahead >= FEWEST, said=said)


async def _line(database: Database, settings: Settings) -> Finding:
    """How the primary is reached. Plain is fit for a socket, for one's own machine, and for a network that is known."""
    async with database.hot.acquire() as connection:
        encrypted, own = is_encrypted(connection), connection.own
    host = make_url(settings.database_url or "postgresql://").host or "localhost"
    here = host in {"localhost", "127.0.0.1", "::1"} or host.startswith("/")
    line = "encrypted" if encrypted else "not encrypted"
    what_to_do = "" if encrypted or here else ": add ?sslmode=verify-full&sslrootcert=… to DATABASE_URL"
    return Finding("connection", ok=True, said=f"{line}, {'direct' if own else 'through a pooler'}{what_to_do}")


async def _messages(database: Database, settings: Settings) -> Finding:
    """Whether what the shop writes is carried, and what was not. Mail is always needed: passwords are reset by it."""
    try:
        check_addresses(settings)
    except AddressWrong as wrong:
        return Finding("messages", ok=False, said=wrong.detail or "")
    async with database.reading() as session:
        stands = {one.channel: one for one in await channel_states(session)}
    said, sent_by = [], carried(settings)
    for channel in sorted({"mail", *stands}):
        one = stands.get(channel, ChannelState(channel, 0, 0, None))
        if channel not in sent_by:
            said.append(f"{_SET_BY[channel]} is not set: {one.waiting} messages wait")
        elif one.oldest is not None and clock.wall() - one.oldest > LATE:
            said.append(f"{one.waiting} wait, the oldest since {one.oldest:%Y-%m-%d %H:%M}: is a worker running?")
        if one.given_up:
            said.append(f"{one.given_up} were given up: see /admin/messages")
    return Finding("messages", ok=not said, said="; ".join(said) or "none is late")


def _payments(settings: Settings) -> Finding:
    if settings.sandbox_payments:
        return Finding("payments", ok=not settings.production, said="sandbox (no STRIPE_SECRET_KEY)")
    live = (settings.stripe_secret_key or "").startswith(("sk_live_", "rk_live_"))
    return Finding("payments", ok=live or not settings.production, said=f"{'live' if live else 'test'} keys")


async def _secret(database: Database, settings: Settings) -> Finding:
    try:
        alone = await is_wrapped_anew(database, settings)
    except Problem as problem:
        return Finding("secret", ok=False, said=f"{problem.title}：{problem.detail}")
    if not settings.secret_key_fallbacks:
        comma = "; it has a comma in it, and cannot stand in SECRET_KEY_FALLBACKS" if "," in settings.secret_key else ""
        return Finding("secret", ok=True, said=f"SECRET_KEY opens what the database keeps{comma}")
    opens = "SECRET_KEY opens what the database keeps; fallbacks are for what was signed with them, a week at most"
    said = opens if alone else "`shop migrate` still has to wrap for SECRET_KEY"
    return Finding("secret", ok=True, said=said)


async def _seal_key(database: Database, settings: Settings) -> Finding:
    try:
        async with database.reading() as session:
            listed = await signs(session, key := seal_key(settings))
    except Problem as problem:
        return Finding("seal key", ok=False, said=f"{problem.title}：{problem.detail}")
    said = "seals" if listed else "takes over from SEAL_KEY_BEFORE as soon as it signs"
    return Finding("seal key", ok=True, said=f"{key.key_id} {said}")


async def _demo(database: Database, settings: Settings) -> Finding:
    """Nobody signs in with them in production; they, and what they did, are no part of its figures either."""
    async with database.reading() as session:
        found = await demo_accounts(session)
    said = f"{len(found)}: {', '.join(found)}" if found else "none"
    return Finding("demo accounts", ok=not (found and settings.production), said=said)


def _files(settings: Settings) -> Finding:
    try:
        open_files(settings)
    except AddressWrong as wrong:
        return Finding("files", ok=False, said=wrong.detail or "")
    return Finding("files", ok=True, said=(settings.files_url or "a folder").partition(":")[0])


def _proxies(settings: Settings) -> Finding:
    """The shop speaks no TLS, so in production there is a proxy."""
    said = settings.trusted_proxies or "none: whoever connects is the caller (behind a proxy, set TRUSTED_PROXIES)"
    return Finding("proxies", ok=bool(settings.proxies) or not settings.production, said=said)


async def _strange_proxies(database: Database, settings: Settings) -> Finding:
    """What web processes noted (`shop.access.own_address`) of proxies: not named then nor now, or named and silent."""
    said = []
    async with database.reading() as session:
        for row in await session.execute(_UNKNOWN_PROXIES):
            host, seen = row.subject.removeprefix("proxy:"), f"seen {row.at:%Y-%m-%d %H:%M} UTC"
            if row.silent:
                said.append(f"{host} does not say who calls ({seen}; README, Who is calling)")
            elif not settings.trusts(host):
                said.append(f"TRUSTED_PROXIES does not name {host}, through which somebody signs in ({seen})")
    return Finding("strange proxies", ok=not said, said="; ".join(said) or "none lately")


def _fonts() -> Finding:
    """Only what is drawn on the server needs one: sheets and certificates. Pages use the reader's own."""
    if shutil.which("fc-list"):
        listed = subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, text=True, check=False).stdout
        return Finding("fonts", ok=True, said=listed.splitlines()[0] if listed else "none with Chinese letters")
    known = any(Path("/usr/share/fonts").rglob("*CJK*")) if Path("/usr/share/fonts").exists() else False
    return Finding("fonts", ok=True, said="Noto CJK" if known else "none with Chinese letters")
