"""SMS over HTTP: one call that a gateway, or a few lines in front of it, answers."""

from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import httpx

from shop.adapters.http import outgoing_client
from shop.adapters.sms.gateway import Sms, SmsRefused, SmsUnavailable

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OUR_FAULT: Final = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND})
"""What says that SMS_URL is wrong: nothing about the receiver."""
_LATER: Final = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.CONFLICT, httpx.codes.TOO_MANY_REQUESTS})


class HttpSms:
    """`POST SMS_URL {"id", "to", "text"}` with an Idempotency-Key; the address's user and password are sent as Basic
    authorization. 2xx: taken; other 4xx: never; everything else: not now. To be closed;
    no call may stand inside a database transaction.
    """

    def __init__(self, url: str) -> None:
        self._url = sms_url(url)
        self._client = outgoing_client("sms", retries=0)  # the outbox tries again by itself

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(self, sms: Sms) -> None:
        """Returns when the gateway has taken it. Raises SmsUnavailable, SmsRefused."""
        body = {"id": sms.message_id, "to": sms.to, "text": sms.text}
        try:
            answer = await self._client.post(self._url, json=body, headers={"Idempotency-Key": sms.message_id})
        except httpx.HTTPError as error:
            raise SmsUnavailable(type(error).__name__) from error
        if answer.is_success:
            return
        said = f"http_{answer.status_code}"
        if answer.is_client_error and answer.status_code not in _OUR_FAULT | _LATER:
            raise SmsRefused(said)
        raise SmsUnavailable(said)


def sms_url(url: str) -> str:
    """Raises ValueError: https, or http to this machine."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError("SMS_URL is no address") from error
    if not parts.hostname or not (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
    ):
        raise ValueError("SMS_URL begins with https://host")
    return url
