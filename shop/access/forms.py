"""Every form must come from a page of ours: same site, and with the token that we wrote into it."""

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.access.session.cookies import form_cookie, is_secure, session_cookie
from shop.access.session.door import Door
from shop.core.errors import Problem
from shop.core.keys import Keys
from shop.core.settings import Settings
from shop.ui.pages import render

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_NOBODY_LOOKS: Final = ("/static/", "/healthz", "/readyz", "/hooks/")
_READS_NO_COOKIE: Final = ("/api/v1/auth/token",)
_PROGRAMS: Final = ("/api/", "/sandbox/")
_FORM_BYTES_MAX: Final = 1024 * 1024
_FIELDS_MAX: Final = 10_000
_UPLOAD_HEAD_BYTES: Final = 64 * 1024
_UPLOAD_TOKEN: Final = re.compile(rb'\A--[^\r\n]{1,200}\r\n[^\r\n]*name="csrf_token"\r\n\r\n([0-9a-f]{64})\r\n')


class FormRefused(Problem):
    """The form did not come from a page of ours, or the page is too old. Nothing was changed."""

    status = 403
    code = "form_refused"
    title = "这次提交没有被接受"


class FormTooLarge(Problem):
    status = 413
    code = "form_too_large"
    title = "提交的内容太多"


@dataclass(slots=True)
class FormToken:
    """What a form carries in `csrf_token`: a digest bound to the browser's cookie.

    Made when a template writes it, so that only a page with a form sets a cookie.
    """

    keys: Keys
    cookie: str
    new_cookie: str | None = None

    def __str__(self) -> str:
        if not self.cookie:
            self.cookie = self.new_cookie = secrets.token_urlsafe(32)
        return self._made(self.keys.newest("forms"))

    __html__ = __str__

    def fits(self, sent: str) -> bool:
        """Whether this browser's own page wrote it."""
        if not self.cookie:
            return False
        return any(
            hmac.compare_digest(self._made(key).encode(), sent.encode(errors="replace"))
            for key in self.keys.every("forms")
        )

    def _made(self, key: bytes) -> str:
        return hmac.digest(key, self.cookie.encode(errors="replace"), sha256).hex()


class Forms:
    """ASGI middleware. Gives pages `request.state.csrf_token` and `request.state.viewer`; refuses forged forms.

    Not asked: safe methods, callers with a bearer token (no browser adds one by itself), signed hooks. Of programs'
    routes only those that a cookie would let in need a token; the site is checked whenever the browser names it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_NOBODY_LOOKS):
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _READ}
        settings: Settings = scope["app"].state.settings
        cookies = cookie_parser(headers[b"cookie"]) if b"cookie" in headers else {}
        secret = cookies.get(session_cookie(settings), "")
        door = Door.of(scope["app"])
        token = FormToken(door.keys, secret or cookies.get(form_cookie(settings), ""))
        state: dict[str, Any] = scope.setdefault("state", {})
        state["csrf_token"] = token
        bearer = headers.get(b"authorization", "").lower().startswith("bearer ")
        state["viewer"] = await door.pages.viewer(secret) if secret and not bearer else None

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and token.new_cookie:
                _set_form_cookie(message, token.new_cookie, settings)
            await send(message)

        try:
            if scope["method"] not in _SAFE and not bearer:
                receive = await _checked(scope, receive, headers, token, settings, signed_in=bool(secret))
        except Problem as problem:
            await _refusal(scope, problem)(scope, receive, send_with_cookie)
            return
        await self.app(scope, receive, send_with_cookie)


_READ: Final = frozenset(
    {b"cookie", b"authorization", b"origin", b"sec-fetch-site", b"host", b"content-type", b"x-csrf-token"}
)


async def _checked(
    scope: Scope, receive: Receive, headers: dict[bytes, str], token: FormToken, settings: Settings, *, signed_in: bool
) -> Receive:
    """The body's reader, unchanged for whoever reads it next. Raises FormRefused, FormTooLarge."""
    path: str = scope["path"]
    if not _same_site(headers, settings):
        raise FormRefused("这次提交来自别的网站，为了安全没有执行，什么都没有改动。")
    if path in _READS_NO_COOKIE or (path.startswith(_PROGRAMS) and (path.startswith("/sandbox/") or not signed_in)):
        return receive
    sent = headers.get(b"x-csrf-token")
    if sent is None:
        sent, receive = await _token_in_body(receive, headers.get(b"content-type", ""))
    if not token.fits(sent):
        raise FormRefused("页面可能打开太久，或者期间重新登录过。什么都没有改动：请返回上一页，刷新后再提交一次。")
    return receive


def _same_site(headers: dict[bytes, str], settings: Settings) -> bool:
    """What the browser says about where a request comes from; a program that says nothing has no cookies to abuse."""
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get(b"origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc in {headers.get(b"host"), urlsplit(settings.public_url).netloc} - {""}


async def _token_in_body(receive: Receive, content_type: str) -> tuple[str, Receive]:
    """The token of a form or of an upload (whose first field it is), and a reader that starts the body again."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        body, again = await _read_ahead(receive, _FORM_BYTES_MAX + 1)
        if len(body) > _FORM_BYTES_MAX:
            raise FormTooLarge("请分几次提交，或改用上传文件。")
        try:
            fields = parse_qs(body.decode("latin-1"), max_num_fields=_FIELDS_MAX) if b"csrf_token=" in body else {}
        except ValueError as error:
            raise FormTooLarge("请分几次提交，或改用上传文件。") from error
        return fields.get("csrf_token", [""])[0], again
    if kind == "multipart/form-data":
        head, again = await _read_ahead(receive, _UPLOAD_HEAD_BYTES)
        found = _UPLOAD_TOKEN.match(head)
        return found[1].decode("latin-1") if found else "", again
    return "", receive


async def _read_ahead(receive: Receive, most: int) -> tuple[bytes, Receive]:
    """Up to `most` bytes (a message more, perhaps), and a reader that gives them again before what follows."""
    read: list[Message] = []
    size = 0
    while size < most:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    waiting = iter(read)

    async def again() -> Message:
        for message in waiting:
            return message
        return await receive()

    return b"".join(message.get("body", b"") for message in read), again


def _set_form_cookie(message: Message, cookie: str, settings: Settings) -> None:
    carrier = Response()
    carrier.set_cookie(form_cookie(settings), cookie, httponly=True, samesite="lax", secure=is_secure(settings))
    message["headers"].append((b"set-cookie", carrier.headers["set-cookie"].encode("latin-1")))


def _refusal(scope: Scope, problem: Problem) -> Response:
    request = Request(scope)
    if "text/html" in request.headers.get("accept", "") and not scope["path"].startswith("/api/"):
        return render(request, "access/form_refused.html", problem.status, problem=problem)
    return JSONResponse(problem.as_json(), problem.status, media_type="application/problem+json")
