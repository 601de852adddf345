"""What production is started with, and nothing of it is anybody's secret."""

from hashlib import sha256
from typing import Any

from sqlalchemy.ext.asyncio import create_async_engine

from shop.core.keys import begin_programme
from shop.core.settings import DEVELOPMENT_SECRET

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


async def taken_over(owner_url: str, schema: str) -> None:
    """A development shop's database becomes this production's: what it keeps is wrapped for its secret."""
    path = {"search_path": f'"{schema}", extensions'}
    engine = create_async_engine(owner_url, connect_args={"server_settings": path})
    async with engine.begin() as connection:
        secrets = [SAFE["secret_key"], DEVELOPMENT_SECRET]
        await connection.run_sync(lambda one: begin_programme(one, secrets, has_people=True))
    await engine.dispose()


def environment(**other: str) -> dict[str, str]:
    """The same as an operator's environment has it; what is blank is left out."""
    told = {name.upper(): str(value) for name, value in SAFE.items() if name != "database_owner_url"} | other
    return {name: value for name, value in told.items() if value}
