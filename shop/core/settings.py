"""One frozen settings object, read from the environment and `.env`."""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from shop.core.errors import Problem
from shop.core.misspelt import misspelt
from shop.core.postgres.database_url import wrong_with
from shop.core.strength import weakness

DEVELOPMENT_SECRET: Final = "development-only-secret-that-production-refuses"  # noqa: S105  # it is meant to be known
DEVELOPMENT_SEAL_KEY: Final = sha256(b"development only: everybody knows this key").hexdigest()
STRIPE_ITSELF: Final = "https://api.stripe.com"
_MAKE_ONE: Final = "set it to what `openssl rand -hex 32` prints"
_PLAIN_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]{0,39}")
_LEAVE_OUT: Final = "leave it out"
_SAY_WHICH: Final = (
    "SHOP_ENV is not set, and {name} names a database server: set SHOP_ENV=production, "
    "or SHOP_ENV=development where everything in it is invented"
)
Port = Annotated[int | None, Field(gt=0, lt=65536), BeforeValidator(lambda port: port or None)]
"""A blank one is none."""


class AddressWrong(Problem):
    """Of a setting that names another server or a folder: which, and how it is written."""

    code: ClassVar[str] = "address_wrong"
    title: ClassVar[str] = "设置里的地址不对"


def _from_json(written: object) -> object:
    """A blank one is none. Raises ValueError."""
    if not isinstance(written, str):
        return written
    try:
        return json.loads(written or "{}")
    except json.JSONDecodeError:
        raise ValueError('is no JSON ({"platform_832": "…"})') from None  # the error would hold what was set


class Settings(BaseSettings):
    """What an operator may set. Unset `database_url` means the embedded PostgreSQL; unset Stripe keys mean the sandbox.

    Raises ValidationError on a server without SHOP_ENV; in production also on secrets that are known, short or
    guessable, on sandbox payments or another Stripe than Stripe, and on the embedded database. `refusal_of` says it.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: str | None = None
    database_owner_url: str | None = None
    database_replica_url: str | None = None
    database_schema: str = "public"
    database_pool: Annotated[int | None, Field(ge=3, le=200), BeforeValidator(lambda most: most or None)] = None
    """Connections that one process may hold, to each server; unset → 3 of a web process, 7 of a worker."""
    shop_env: Literal["development", "production"] = "development"
    """Left out only where there is no server: nobody is to serve strangers with development's open doors by mistake."""
    secret_key: str = DEVELOPMENT_SECRET
    secret_key_fallbacks: str = ""
    """Those before it, separated by commas: what they made is still recognised (see `shop.core.keys`)."""
    seal_key: str | None = None
    seal_key_before: str | None = None
    """While SEAL_KEY takes over from it: see `orders.seal.key_list`."""
    public_url: str = "http://127.0.0.1:8000"
    trusted_proxies: str = ""
    """Addresses and networks, separated by commas, of the proxies whose X-Forwarded-For and -Proto are believed."""
    operator_port: Port = None
    """Where the web process serves `/metrics`, for the operator alone; unset → nowhere."""
    worker_operator_port: Port = None
    """The same of the worker: both may stand in one environment, on one machine."""
    operator_host: str = "127.0.0.1"
    stripe_secret_key: str | None = None
    stripe_webhook_secret: str | None = None
    stripe_api_base: str | None = None
    data_folder: Path = Path(".data")
    files_url: str | None = None
    """Where evidence is kept: a folder, `s3://bucket/prefix`; unset → `files` in the data folder."""
    mail_url: str | None = None
    """`smtp+starttls://user:password@host:587/?from=shop@example.com` or `smtps://…`. Unset: development keeps mail in
    a table (`/sandbox/messages`), production in the outbox, until there is one."""
    sms_url: str | None = None
    """`https://user:password@gateway/path`, which gets `{"id", "to", "text"}`. Unset: as for mail."""
    channel_keys: Annotated[dict[str, str], NoDecode, BeforeValidator(_from_json)] = {}
    """What other channels gave us to sign with, as JSON: {"platform_832": "…"}. Without one nothing is fetched."""

    @property
    def production(self) -> bool:
        return self.shop_env == "production"

    @property
    def sandbox_payments(self) -> bool:
        return not self.stripe_secret_key

    @property
    def secrets(self) -> tuple[str, ...]:
        """SECRET_KEY, then SECRET_KEY_FALLBACKS."""
        return (self.secret_key, *_listed(self.secret_key_fallbacks))

    @property
    def proxies(self) -> list[IPv4Network | IPv6Network]:
        """TRUSTED_PROXIES, one by one; IPv4 ones also as a socket of both kinds sees them (::ffff:10.0.0.1)."""
        named = [ip_network(one) for one in _listed(self.trusted_proxies)]
        mapped = [ip_network(f"::ffff:{one.network_address}/{96 + one.prefixlen}") for one in named if one.version == 4]
        return [*named, *mapped]

    def trusts(self, host: str) -> bool:
        """Whether that address is a proxy's that is believed."""
        try:
            return any(ip_address(host) in network for network in self.proxies)
        except ValueError:
            return False

    @model_validator(mode="after")
    def refuse_what_nobody_meant(self) -> Self:
        if not _PLAIN_NAME.fullmatch(self.database_schema):
            raise ValueError("DATABASE_SCHEMA must be a plain name of at most 40 letters")
        for proxy in _listed(self.trusted_proxies):
            if not _is_network(proxy):
                raise ValueError(f"TRUSTED_PROXIES: {proxy} is no address and no network (10.0.0.1, 10.1.0.0/16)")
        for name in ("database_url", "database_owner_url", "database_replica_url"):
            if getattr(self, name) and "shop_env" not in self.model_fields_set:
                raise ValueError(_SAY_WHICH.format(name=name.upper()))
            if why := next(wrong_with(getattr(self, name) or "postgresql://"), None):
                raise ValueError(f"{name.upper()}: {why}")
        from_file = DotEnvSettingsSource(type(self), env_file=".env").env_vars
        wrong = [*misspelt([*os.environ, *from_file], type(self).model_fields), *_half_set(self)]
        if self.production and (unfit := list(_unfit_for_production(self))):
            wrong.append("production refuses to start: " + "; ".join(unfit))
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def _listed(written: str) -> list[str]:
    return [one.strip() for one in written.split(",") if one.strip()]


def _half_set(settings: Settings) -> Iterator[str]:
    """What would only be noticed by the first payment, or by the first seal."""
    if bool(settings.stripe_secret_key) != bool(settings.stripe_webhook_secret):
        missing = "STRIPE_WEBHOOK_SECRET" if settings.stripe_secret_key else "STRIPE_SECRET_KEY"
        yield f"{missing} is missing: both of Stripe's are set, or none (then the sandbox pays)"
    if settings.stripe_secret_key and not settings.stripe_secret_key.startswith(("sk_", "rk_")):
        yield "STRIPE_SECRET_KEY is not one of Stripe's secret keys (sk_… or rk_…)"
    if settings.seal_key and settings.seal_key == settings.seal_key_before:
        yield "SEAL_KEY_BEFORE is SEAL_KEY itself (leave it out, or name the one that was replaced)"
    for name, key in (("SEAL_KEY", settings.seal_key), ("SEAL_KEY_BEFORE", settings.seal_key_before or None)):
        if key is not None and not _is_seal_key(key.strip().lower()):
            yield f"{name} is not 32 bytes as hex ({_MAKE_ONE})"


def _unfit_for_production(settings: Settings) -> Iterator[str]:
    """What must be set otherwise, each with how."""
    yield from _unfit_secrets(settings)
    if not settings.database_url:
        yield "DATABASE_URL is missing (the address of a PostgreSQL server, as the application's role)"
    if why := _unfit_seal_key((settings.seal_key or "").strip().lower()):
        yield f"SEAL_KEY {why} ({_MAKE_ONE})"
    if not settings.stripe_secret_key:
        yield "STRIPE_SECRET_KEY is missing"
    if why := weakness(settings.stripe_webhook_secret or ""):
        yield f"STRIPE_WEBHOOK_SECRET {why} (Stripe shows the endpoint's signing secret, whsec_…)"
    if settings.stripe_api_base and settings.stripe_api_base.rstrip("/") != STRIPE_ITSELF:
        yield f"STRIPE_API_BASE is not Stripe's own (leave it out, or {STRIPE_ITSELF})"
    if (settings.files_url or "").startswith("memory:"):
        yield "FILES_URL would vanish (a folder or s3://bucket/prefix)"
    if not settings.public_url.startswith("https://") or not urlsplit(settings.public_url).hostname:
        yield "PUBLIC_URL is not https://host"


def _unfit_secrets(settings: Settings) -> Iterator[str]:
    if settings.secret_key == DEVELOPMENT_SECRET:
        yield f"SECRET_KEY is development's, which everybody knows ({_MAKE_ONE})"
    elif why := weakness(settings.secret_key):
        yield f"SECRET_KEY {why} ({_MAKE_ONE})"
    if any(one == DEVELOPMENT_SECRET or weakness(one) for one in settings.secrets[1:]):
        yield f"SECRET_KEY_FALLBACKS holds one that everybody knows or guesses ({_LEAVE_OUT})"


def _unfit_seal_key(key: str) -> str | None:
    if key == DEVELOPMENT_SEAL_KEY:
        return "is development's, which everybody knows"
    return weakness(key) if _is_seal_key(key) else "is not 32 bytes as hex"


def _is_seal_key(key: str) -> bool:
    return len(key) == 64 and all(digit in "0123456789abcdef" for digit in key)


def _is_network(written: str) -> bool:
    """Half of the world is no proxy. The widest that is somebody's own is fc00::/7."""
    try:
        return ip_network(written).prefixlen >= 7
    except ValueError:
        return False


def refusal_of(refused: ValidationError) -> str:
    """What the settings refuse, as one sentence: the setting by its name, never what it was set to."""
    return "; ".join(
        ": ".join([*(str(part).upper() for part in one["loc"]), one["msg"].removeprefix("Value error, ")])
        for one in refused.errors(include_input=False, include_url=False)
    )


@cache
def settings() -> Settings:
    return Settings()
