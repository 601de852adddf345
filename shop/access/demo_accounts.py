"""Accounts of the demo have a password that everybody knows: production makes none and signs none of them in."""

from typing import Final

from sqlalchemy import ARRAY, Text, bindparam, text

from shop.core.database import ReadSession
from shop.core.errors import Problem
from shop.core.settings import Settings

DOMAINS: Final = ("demo.test", "other.test")
"""Of their addresses. Nobody can own a name under `.test` (RFC 2606)."""
_HELD: Final = text(
    "SELECT email FROM user_account WHERE split_part(lower(email), '@', 2) = ANY(:domains) ORDER BY email"
).bindparams(bindparam("domains", type_=ARRAY(Text)))


class DemoRefused(Problem):
    status = 403
    code = "demo_refused"
    title = "生产环境不要演示账号"


def is_demo(email: str) -> bool:
    return email.strip().lower().rpartition("@")[2] in DOMAINS


def refuse_demo(settings: Settings) -> None:
    """Raises DemoRefused in production."""
    if settings.production:
        raise DemoRefused("演示账号的密码人人都知道。演示请另用一个 SHOP_ENV=development 的数据库。")


async def demo_accounts(session: ReadSession) -> list[str]:
    """Their emails."""
    return list((await session.execute(_HELD, {"domains": list(DOMAINS)})).scalars())
