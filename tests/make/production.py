"""What production is started with, and nothing of it is anybody's secret."""

from hashlib import sha256
from typing import Any

SAFE: dict[str, Any] = {
    "shop_env": "production",
    "secret_key": sha256(b"of tests").hexdigest(),
    "database_url": "postgresql+asyncpg://app@db/bangfu",
    "database_owner_url": "postgresql+asyncpg://owner@db/bangfu",
    "stripe_secret_key": "sk_live_x",
    "stripe_webhook_secret": "whsec_5f0LZ1mKq8RtYw3NcXv7BpDs2HjGa9Ue",
    "public_url": "https://shop.example",
    "seal_key": sha256(b"of tests' seals").hexdigest(),
}


def environment(**other: str) -> dict[str, str]:
    """The same as an operator's environment has it; what is blank is left out."""
    told = {name.upper(): str(value) for name, value in SAFE.items() if name != "database_owner_url"} | other
    return {name: value for name, value in told.items() if value}
