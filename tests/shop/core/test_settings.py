"""Production does not start on what everybody knows, nor on what would vanish; a server says which shop it is of."""

import secrets
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest
from pydantic import ValidationError

from shop.core.database import OwnerUnknown, owner_url
from shop.core.settings import DEVELOPMENT_SEAL_KEY, DEVELOPMENT_SECRET, Settings, refusal_of
from shop.core.strength import weakness
from tests.make.production import SAFE


def refused(**told: object) -> str:
    """What the settings say no with."""
    with pytest.raises(ValidationError) as no:
        Settings(_env_file=None, **told)
    return refusal_of(no.value)


def test_production_with_everything_set() -> None:
    assert Settings(_env_file=None, **SAFE).production
    assert Settings(_env_file=None, **SAFE, stripe_api_base="https://api.stripe.com/").production


@pytest.mark.parametrize(
    ("name", "bad", "why"),
    [
        ("secret_key", DEVELOPMENT_SECRET, "is development's"),
        ("secret_key", "short", "is shorter than 32 bytes"),
        ("secret_key", "x" * 40, "repeats itself"),
        ("secret_key", "correct-horse-changeme-battery-staple", "contains a word that everybody tries"),
        ("database_url", None, "is missing"),
        ("stripe_secret_key", None, "is missing"),
        ("stripe_webhook_secret", None, "is shorter"),
        ("stripe_webhook_secret", "whsec_x", "is shorter"),
        ("stripe_api_base", "https://stripe.example", "is not Stripe's own"),
        ("stripe_api_base", "http://api.stripe.com", "is not Stripe's own"),
        ("public_url", "http://shop.example", "is not https"),
        ("public_url", "https://", "is not https://host"),
        ("files_url", "memory:", "would vanish"),
        ("seal_key", None, "is not 32 bytes as hex"),
        ("seal_key", "a" * 20, "is not 32 bytes as hex"),
        ("seal_key", "5a" * 32, "repeats itself"),
        ("seal_key", DEVELOPMENT_SEAL_KEY, "is development's"),
        ("seal_key", DEVELOPMENT_SEAL_KEY.upper(), "is development's"),
    ],
)
def test_production_refuses(name: str, bad: str | None, why: str) -> None:
    said = refused(**(SAFE | {name: bad}))
    assert f"{name.upper()} {why}" in said
    assert not bad or len(bad) < 10 or bad not in said, "what was set stands in no log"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("SECRET_KYE", "SECRET_KEY"), ("DATABASE_URI", "DATABASE_URL"), ("Stripe_Webhook_Secert", "STRIPE_WEBHOOK_SECRET"),
     ("TRUSTED_PROXY", "TRUSTED_PROXIES"), ("SHOP_ENVV", "SHOP_ENV"), ("SECRET_KEY_BEFORE", "SECRET_KEY_FALLBACKS"),
     ("SEAL_KEY_FALLBACKS", "SEAL_KEY_BEFORE"), ("DATABASE_POOL_SIZE", "DATABASE_POOL")],
)  # fmt: skip
def test_a_misspelt_setting_is_named(name: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Today it is as if nobody had set it."""
    monkeypatch.setenv(name, "hidden-7c1f")
    said = refused()
    assert said == f"{name.upper()} is no setting; {meant} is"


def test_one_in_the_file_too_and_what_others_set_is_theirs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("APP_PASSWORD", "compose's own")
    monkeypatch.chdir(tmp_path)
    Settings(_env_file=None)
    (tmp_path / ".env").write_text("OWNER_PASSWORD=a\nSEALKEY=hidden-7c1f\n")
    assert refused() == "SEALKEY is no setting; SEAL_KEY is"


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"stripe_secret_key": "sk_test_7c1f"}, "STRIPE_WEBHOOK_SECRET is missing"),
        ({"stripe_webhook_secret": "whsec_7c1f"}, "STRIPE_SECRET_KEY is missing"),
        ({"stripe_secret_key": "pk_live_7c1f", "stripe_webhook_secret": "whsec_7c1f"}, "is not one of Stripe's secret"),
        ({"seal_key": "7c1f"}, "SEAL_KEY is not 32 bytes as hex"),
        ({"seal_key_before": "7c1f"}, "SEAL_KEY_BEFORE is not 32 bytes as hex"),
        ({"seal_key": "7c1f" * 16, "seal_key_before": "7c1f" * 16}, "SEAL_KEY_BEFORE is SEAL_KEY itself"),
        ({"trusted_proxies": "8000::/1"}, "TRUSTED_PROXIES: 8000::/1 is no address"),
        ({"channel_keys": "7c1f"}, "CHANNEL_KEYS: is no JSON"),
        ({"database_schema": "s7c1f" * 9}, "DATABASE_SCHEMA must be a plain name"),
        ({"trusted_proxies": "0.0.0.0/1"}, "TRUSTED_PROXIES: 0.0.0.0/1 is no address"),
        ({"database_url": "mysql://u:7c1f@db/b", "shop_env": "development"}, "is no address of PostgreSQL"),
    ],
)
def test_half_a_setting_is_refused_in_development_too(told: dict[str, str], why: str) -> None:
    said = refused(**told)
    assert why in said
    assert "7c1f" not in said
    assert "\n" not in said


@pytest.mark.parametrize("name", ["database_url", "database_owner_url", "database_replica_url"])
def test_a_server_says_which_shop_it_is_of(name: str) -> None:
    there = "postgresql+asyncpg://app:hidden@db/bangfu"
    said = refused(**{name: there})
    assert name.upper() in said
    assert "SHOP_ENV=production" in said
    assert "hidden" not in said
    assert not Settings(_env_file=None, shop_env="development", **{name: there}).production
    assert not Settings(_env_file=None).production, "without a server it is development, and embedded"


@pytest.mark.parametrize(
    "weak",
    [
        "x" * 64,
        "ab" * 32,
        "deadbeef" * 8,
        "0123456789" * 7,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "a-very-long-but-plain-password-of-mine",
        "My-Secret-Key-Of-The-Shop-2026-11-30!",
        "帮扶" * 20,
    ],
)
def test_what_is_no_secret(weak: str) -> None:
    assert weakness(weak)


def test_chance_is_always_a_secret() -> None:
    """Whatever an operator draws it with."""
    for _ in range(500):
        drawn = secrets.token_bytes(32)
        for written in (
            secrets.token_hex(16),
            drawn.hex(),
            urlsafe_b64encode(drawn).decode(),
            b64encode(drawn).decode(),
        ):
            assert weakness(written) is None, written


@pytest.mark.parametrize("wrong", ["*", "proxy", "10.0.0.1/8", "0.0.0.0/0", "10.0.0.1, ::/0", "unix:"])
def test_a_proxy_is_an_address_or_a_network(wrong: str) -> None:
    assert "TRUSTED_PROXIES" in refused(trusted_proxies=wrong)


def test_proxies_one_by_one() -> None:
    told = Settings(_env_file=None, trusted_proxies=" 10.0.0.1, 10.1.0.0/16,,2001:db8::1 ")
    assert [str(one) for one in told.proxies] == [
        "10.0.0.1/32", "10.1.0.0/16", "2001:db8::1/128", "::ffff:a00:1/128", "::ffff:a01:0/112"
    ]  # fmt: skip
    for host in ("10.0.0.1", "10.1.255.1", "2001:db8::1", "::ffff:10.1.2.3"):
        assert told.trusts(host)
    for host in ("10.0.0.2", "2001:db8::2", "::ffff:10.2.0.1", "unknown", ""):
        assert not told.trusts(host)


def test_web_and_worker_start_without_the_owner_but_nothing_migrates_without() -> None:
    settings = Settings(_env_file=None, **(SAFE | {"database_owner_url": None}))
    with pytest.raises(OwnerUnknown):
        owner_url(settings)


def test_a_schema_is_a_plain_name() -> None:
    assert "DATABASE_SCHEMA" in refused(database_schema='x"; DROP')


def test_no_operators_port_is_blank() -> None:
    assert Settings(_env_file=None, operator_port="").operator_port is None
    assert Settings(_env_file=None, operator_port="9100").operator_port == 9100
    assert "OPERATOR_PORT" in refused(operator_port="0.5")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql+asyncpg://app:hidden-7c1f@db/bangfu?sslmode=verify", "DATABASE_URL: sslmode is one of disable, "),
        ("postgresql://app:hidden-7c1f@db/bangfu?sslrootcert=/no/ca.pem", "DATABASE_URL: sslrootcert names no file"),
        (
            "postgresql://app:hidden-7c1f@db/bangfu?channel_binding=require",
            "DATABASE_URL: channel_binding: no parameter",
        ),
        ("app:hidden-7c1f@db", "DATABASE_URL: is no address"),
    ],
)
def test_what_an_address_says_is_heeded_or_refused(address: str, said: str) -> None:
    """Ignored, it would be a line that its owner believes to be safe."""
    found = refused(shop_env="development", database_url=address)
    assert said in found
    assert "7c1f" not in found


@pytest.mark.parametrize("most", ["2", "-1", "201", "many"])
def test_a_pool_that_nobody_can_work_with_is_refused(most: str) -> None:
    assert "DATABASE_POOL" in refused(database_pool=most)


def test_what_an_older_release_was_started_with_is_not_refused() -> None:
    """A secret with a comma in it would have no way out: it cannot become a fallback."""
    told = SAFE | {"secret_key": f"{SAFE['secret_key']},x", "trusted_proxies": "fc00::/7, 10.0.0.0/8"}
    assert Settings(_env_file=None, **told).trusts("fd12::1")


def test_no_keys_of_channels_are_a_blank_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANNEL_KEYS", "")
    assert Settings(_env_file=None).channel_keys == {}
    monkeypatch.setenv("CHANNEL_KEYS", '{"platform_832": "x"}')
    assert Settings(_env_file=None).channel_keys == {"platform_832": "x"}
