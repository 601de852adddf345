"""No text that comes in holds a NUL: PostgreSQL keeps none, and nobody types one.

One door for paths, queries, forms and JSON. Files are bytes and pass: what is read from them is cleaned by
`shop/sheet`. Signed hooks are their verifier's matter.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.app.home.problems import answer
from shop.core.errors import Detail, Invalid, NotFound

Look = Callable[[bytes], bool]
"""Takes a body piece by piece; whether a NUL has come."""
SAID: Final = "文字里有不能保存的空字符（NUL），请删除后再提交。"
_IN_FORM: Final = re.compile(rb"%00|\x00"), re.compile(rb"%0?\Z")
_IN_JSON: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000"), re.compile(rb"\\+(?:u0{0,3})?\Z")


class NoNul:
    """ASGI middleware, inside of the error handlers' reach, as `BodyLimit` is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/hooks/"):
            await self.app(scope, receive, send)
            return
        if "\0" in scope["path"]:
            plain = Request({**scope, "path": scope["path"].replace("\0", "")})
            await answer(plain, NotFound("网址可能不完整，或内容已下架。"))(scope, receive, send)
            return
        if b"%00" in scope["query_string"]:
            named = [name for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if "\0" in value]
            errors = [Detail(f"/{name}", Invalid.code, SAID) for name in named]
            await answer(Request(scope), Invalid(SAID, errors))(scope, receive, send)
            return
        look = None if scope["method"] in {"GET", "HEAD"} else _look(scope)
        if look is None:
            await self.app(scope, receive, send)
            return

        async def looked_at() -> Message:
            message = await receive()
            if look(message.get("body", b"")):
                raise HTTPException(422, SAID)
            return message

        await self.app(scope, looked_at, send)


def _look(scope: Scope) -> Look | None:
    """By what the body is said to be; None: it is bytes."""
    said = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    kind, options = parse_options_header(said)
    if kind == b"application/x-www-form-urlencoded":
        return _spelled(*_IN_FORM)
    if kind.endswith(b"json"):
        return _spelled(*_IN_JSON)
    return _Parts(options).look if kind == b"multipart/form-data" and options.get(b"boundary") else None


def _spelled(nul: re.Pattern[bytes], begun: re.Pattern[bytes]) -> Look:
    """nul: how it is written; begun: the end of a piece with which it may begin."""
    kept = b""

    def look(piece: bytes) -> bool:
        nonlocal kept
        seen = kept + piece
        left = begun.search(seen)
        kept = left[0] if left else b""
        return nul.search(seen) is not None

    return look


class _Parts:
    """Headers and fields of a form with files, read as the framework reads them; not what is in the files.

    Of another encoding than ours nobody can say what a NUL is.
    """

    def __init__(self, options: dict[bytes, bytes]) -> None:
        self.found = options.get(b"charset", b"utf-8").lower() != b"utf-8"
        self.broken = self.is_file = False
        self.name = self.value = b""
        self.parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_part_data": self._content,
            },
        )

    def look(self, piece: bytes) -> bool:
        if not self.broken:
            try:
                self.parser.write(piece)
            except MultipartParseError:  # whoever reads it says so
                self.broken = True
        return self.found

    def _begin(self) -> None:
        self.is_file = False

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def _header_end(self) -> None:
        if self.name.lower() == b"content-disposition":
            self.is_file = b"filename" in parse_options_header(self.value)[1]
        self.found = self.found or b"\0" in self.value
        self.name = self.value = b""

    def _content(self, data: bytes, start: int, end: int) -> None:
        self.found = self.found or (not self.is_file and data.find(b"\0", start, end) >= 0)
