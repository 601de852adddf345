"""Headers that make a browser stricter, on every answer."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STRICT: Final = (
    "default-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self' https://checkout.stripe.com"
)
_ALWAYS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}
_HTTPS_ONLY: Final = {"strict-transport-security": "max-age=31536000; includeSubDomains"}

_SOMEBODY: Final = frozenset({b"authorization", b"cookie"})
_NO_STORE: Final = (b"cache-control", b"private, no-store")
"""Of what is told to somebody: no cache keeps it, and no browser after he has left."""


def security_headers(*, production: bool) -> list[tuple[bytes, bytes]]:
    """Ready to be sent; also for answers that never reach the middleware, such as a cached one."""
    requested = _ALWAYS | {"content-security-policy": _STRICT} | (_HTTPS_ONLY if production else {})
    return [(name.encode(), value.encode()) for name, value in requested.items()]


class SecurityHeaders:
    """ASGI middleware. A route that sends one of these headers itself keeps its own; else what is told to somebody is
    kept by no cache.
    """

    def __init__(self, app: ASGIApp, *, production: bool) -> None:
        self.app = app
        self.strict = security_headers(production=production)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        personal = any(name in _SOMEBODY for name, _ in scope["headers"])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                ours = [*self.strict, _NO_STORE] if personal else self.strict
                message["headers"] = [*message["headers"], *(header for header in ours if header[0] not in own)]
            await send(message)

        await self.app(scope, receive, send_with_headers)
