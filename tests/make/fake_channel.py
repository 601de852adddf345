"""A channel in process, for tests and development: the same interface, signatures and pages, over rows in memory."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shop.adapters.channel.signature import SIGNATURE, TIMESTAMP, is_signed, sign
from shop.core import clock

URL: Final = "http://channel.test/sales"


class FakeChannel:
    """rows: what it hands out, to which more may be added. page: rows of an answer at most. troubles: statuses that
    the next requests get instead of an answer.
    """

    def __init__(self, key: str, rows: Sequence[Mapping[str, str]] = (), *, page: int = 500) -> None:
        self.rows = list(rows)
        self.troubles: list[int] = []
        self.asked = 0
        self._key, self._page = key, page
        self.app = Starlette(routes=[Route("/sales", self._answer)])

    async def _answer(self, request: Request) -> Response:
        self.asked += 1
        if self.troubles:
            return Response(status_code=self.troubles.pop(0))
        path = request.scope["raw_path"] + b"?" + request.scope["query_string"]
        signature, timestamp = request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
        if not is_signed(self._key, signature, timestamp, path, now=clock.wall()):
            return Response(status_code=401)
        cursor = request.query_params.get("cursor", "")
        start = int(cursor) if cursor.isdigit() else 0
        size = min(self._page, int(request.query_params.get("limit", "1")))
        rows = self.rows[start : start + size]
        body = msgspec.json.encode({"rows": rows, "next_cursor": str(start + len(rows))})
        stamp = str(int(clock.wall().timestamp()))
        headers = {TIMESTAMP: stamp, SIGNATURE: sign(self._key, stamp, path, body)}
        return Response(body, media_type="application/json", headers=headers)
