"""Production does not start on what everybody knows, nor on what would vanish."""

from typing import Any

import pytest
from pydantic import ValidationError

from shop.core.database import OwnerUnknown, owner_url
from shop.core.settings import DEVELOPMENT_SECRET, Settings

SAFE: dict[str, Any] = {
    "shop_env": "production",
    "secret_key": "x" * 40,
    "database_url": "postgresql+asyncpg://app@db/bangfu",
    "database_owner_url": "postgresql+asyncpg://owner@db/bangfu",
    "stripe_secret_key": "sk_live_x",
    "stripe_webhook_secret": "whsec_x",
    "public_url": "https://shop.example",
    "seal_key": "5a" * 32,
}


def test_production_with_everything_set() -> None:
    assert Settings(_env_file=None, **SAFE).production


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("secret_key", DEVELOPMENT_SECRET),
        ("secret_key", "short"),
        ("database_url", None),
        ("stripe_secret_key", None),
        ("stripe_webhook_secret", None),
        ("public_url", "http://shop.example"),
        ("seal_key", None),
    ],
)
def test_production_refuses(name: str, bad: str | None) -> None:
    with pytest.raises(ValidationError, match=name.upper()):
        Settings(_env_file=None, **(SAFE | {name: bad}))


def test_web_and_worker_start_without_the_owner_but_nothing_migrates_without() -> None:
    settings = Settings(_env_file=None, **(SAFE | {"database_owner_url": None}))
    with pytest.raises(OwnerUnknown):
        owner_url(settings)


def test_a_schema_is_a_plain_name() -> None:
    with pytest.raises(ValidationError, match="DATABASE_SCHEMA"):
        Settings(_env_file=None, database_schema='x"; DROP')
