"""Who asked for a language by name keeps it when a form or a guard sends him on."""

from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class KeepLang:
    """ASGI middleware: a 303 to a page of ours is given the `?lang=` of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = (
            parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[0] if scope["type"] == "http" else ""
        )
        if asked not in {"zh", "en"}:
            await self.app(scope, receive, send)
            return

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 303:
                message["headers"] = [
                    (name, _with(value, asked) if name == b"location" else value) for name, value in message["headers"]
                ]
            await send(message)

        await self.app(scope, receive, send_on)


def _with(location: bytes, lang: str) -> bytes:
    there = urlsplit(location.decode("latin-1"))
    if there.netloc or "lang" in parse_qs(there.query):
        return location
    return there._replace(query=f"{there.query}&lang={lang}".lstrip("&")).geturl().encode("latin-1")
