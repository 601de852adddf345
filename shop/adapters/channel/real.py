"""A channel's interface over HTTP: signed requests, signed answers, a cursor, and another try where that is safe."""

from types import TracebackType
from typing import Final, Self

import httpx
import msgspec

from shop.adapters.channel.signature import SIGNATURE, TIMESTAMP, is_signed, sign
from shop.adapters.channel.source import ChannelAnswerWrong, ChannelUnavailable, Pulled
from shop.adapters.http import outgoing_client
from shop.core import clock

PAGE_ROWS: Final = 500
_ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024


class _Page(msgspec.Struct, frozen=True):
    rows: list[dict[str, str]]
    next_cursor: str


class HttpChannel:
    """`GET {url}?cursor=…&limit=…`, signed with the key that the channel gave us. To be closed."""

    def __init__(self, url: str, key: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url, self._key = httpx.URL(url), key
        self._client = outgoing_client("channel", transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def pull(self, cursor: str) -> Pulled:
        url = self._url.copy_merge_params({"cursor": cursor, "limit": PAGE_ROWS})
        timestamp = str(int(clock.wall().timestamp()))
        headers = {TIMESTAMP: timestamp, SIGNATURE: sign(self._key, timestamp, url.raw_path)}
        try:
            answer = await self._client.get(url, headers=headers)
        except httpx.TransportError as error:
            raise ChannelUnavailable("请稍后再试；已经取到的不会重复。") from error
        if answer.status_code != httpx.codes.OK:
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == 429:
                raise ChannelUnavailable(f"渠道接口返回 {answer.status_code}，请稍后再试。")
            raise ChannelAnswerWrong(f"渠道接口返回 {answer.status_code}，请核对地址和密钥。")
        return self._read(answer, url)

    def _read(self, answer: httpx.Response, url: httpx.URL) -> Pulled:
        signature, timestamp = answer.headers.get(SIGNATURE, ""), answer.headers.get(TIMESTAMP, "")
        body = answer.content
        signed = is_signed(self._key, signature, timestamp, url.raw_path, body, now=clock.wall())
        if not signed or len(body) > _ANSWER_BYTES_MAX:
            raise ChannelAnswerWrong("应答的签名不对，没有取用任何一行。")
        try:
            page = msgspec.json.decode(body, type=_Page)
        except msgspec.MsgspecError as error:
            raise ChannelAnswerWrong("应答的格式不对，没有取用任何一行。") from error
        return Pulled(page.rows, page.next_cursor)
