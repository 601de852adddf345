"""How often one address may search. In the process: it protects this process, and nothing is lost with it."""

from typing import Final

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from shop.access.address import address_of
from shop.core.errors import TooMany

SEARCHES_A_MINUTE: Final = RateLimitItemPerMinute(600)
"""Of one address: a whole office may sit behind it."""


class SearchTooOften(TooMany):
    """`extra["retry_after_s"]`: seconds until the next search is heard."""

    code = "search_too_often"


async def limit_search(request: Request) -> None:
    """A dependency for lists that can be searched (`?q=`). Raises SearchTooOften; lists without a search are free."""
    if not request.query_params.get("q"):
        return
    limiter: SlidingWindowCounterRateLimiter | None = getattr(request.app.state, "search_limiter", None)
    if limiter is None:
        limiter = request.app.state.search_limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
    if not limiter.hit(SEARCHES_A_MINUTE, "search", address_of(request)):
        raise SearchTooOften("请一分钟后再搜索。", extra={"retry_after_s": 60})
