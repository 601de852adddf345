"""Stripe's client speaks through our own door, so that timeouts and logging are the house's."""

import asyncio
from collections.abc import Awaitable, Mapping

import httpx
import stripe


class HouseClient(stripe.HTTPClient):
    """Sends what Stripe's client made; that client itself decides about retries."""

    name = "httpx"

    def __init__(self, http: httpx.AsyncClient) -> None:
        super().__init__()
        self._http = http

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            response = await self._http.request(method, url, headers=headers, content=post_data)
        except httpx.TransportError as error:
            trouble = f"{type(error).__name__} on the way to Stripe"
            raise stripe.APIConnectionError(trouble, should_retry=True) from error  # type: ignore[no-untyped-call]
        return response.content, response.status_code, response.headers

    def sleep_async(self, secs: float) -> Awaitable[None]:
        return asyncio.sleep(secs)

    async def close_async(self) -> None:
        await self._http.aclose()
