"""A browser without scripts: it keeps cookies, and sends a form with what stands in its fields."""

from html.parser import HTMLParser

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Actor
from shop.access.session.page_sessions import COOKIE
from shop.access.session.sign_in import open_session
from shop.core import clock
from shop.core.database import Database


class Page(HTMLParser):
    """Its words, and its forms: action → name → value, as a browser would send them unchanged (no buttons)."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.status = answer.status_code
        self.html = answer.text
        self.words = ""
        self.forms: dict[str, dict[str, str]] = {}
        self.buttons: list[str] = []
        self._form: dict[str, str] = {}
        self._select = self._text = ""
        self._button = False
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        name, value = known.get("name") or "", known.get("value") or ""
        if tag == "form":
            self._form = self.forms.setdefault(known.get("action") or "", {})
        elif tag == "input" and name:
            unticked = known.get("type") in {"radio", "checkbox"} and "checked" not in known
            if not unticked and "disabled" not in known:
                self._form[name] = value
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in known or self._select not in self._form):
            self._form[self._select] = value
        self._button = tag == "button" or (self._button and tag not in {"form", "p"})

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        if tag == "button":
            self._button = False

    def handle_data(self, data: str) -> None:
        kept = data.strip()
        if kept:
            self.words += f" {kept}"
            if self._button:
                self.buttons.append(kept)


class Browser:
    def __init__(self, app: FastAPI, cookies: dict[str, str] | None = None) -> None:
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://shop.test", cookies=cookies, follow_redirects=True
        )
        self.page = Page(httpx.Response(200, text=""))
        self.path = ""

    async def open(self, path: str) -> Page:
        return self._see(await self.client.get(path))

    async def send(self, action: str, **changed: str) -> Page:
        """Send a form of the page, with some fields changed."""
        return self._see(await self.client.post(action, data=self.page.forms[action] | changed))

    async def send_and_stay(self, action: str, **changed: str) -> Page:
        """As `send`, without following where the answer leads."""
        fields = self.page.forms[action] | changed
        return self._see(await self.client.post(action, data=fields, follow_redirects=False))

    def _see(self, answer: httpx.Response) -> Page:
        self.page, self.path = Page(answer), answer.url.path
        self.location = answer.headers.get("location")
        return self.page

    async def close(self) -> None:
        await self.client.aclose()


async def browser_of(app: FastAPI, database: Database, actor: Actor | None = None) -> Browser:
    """Somebody's browser, signed in when an actor is given; a visitor's otherwise."""
    if actor is None:
        return Browser(app)
    async with database.transaction() as session:
        found = await session.scalar(text("SELECT password_hash FROM user_account WHERE id = :u"), {"u": actor.user_id})
        assert isinstance(found, str)
        signed_in = await open_session(
            session, user_id=actor.user_id, verified_hash=found, kind="page", now=clock.wall()
        )
    return Browser(app, {COOKIE: signed_in.secret or ""})
