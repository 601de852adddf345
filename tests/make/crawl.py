"""Somebody who opens every page that he is led to, and keeps every form that he finds there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import requests

ALIKE: Final = 2
"""Pages of one shape that are opened; what lists link to is often the same in another state."""
PAGES_MOST: Final = 400
_NOT_ASKED: Final = ("/static/", "/sign-out", "/docs", "/openapi.json", "/api/", "/sandbox/")
_CHANGING: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|[0-9]+")


@dataclass
class Form:
    """As a browser would send it with its first button. seen: the page that it stands on; files: names of uploads."""

    seen: str
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    @property
    def shapes(self) -> dict[tuple[str, str, str], str]:
        """Shape of a field → its name. Fields of one shape are the same, of forms about other things."""
        return {(self.method, shape_of(self.action), shape_of(name)): name for name in self.fields}


class _Page(HTMLParser):
    def __init__(self, url: str, html: str) -> None:
        super().__init__()
        self.url = url
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = self._area = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        name, value = known.get("name", ""), known.get("value", "")
        if tag == "a" and "href" in known:
            self.links.append(urldefrag(urljoin(self.url, known["href"]))[0])
        elif tag == "form":
            action = urljoin(self.url, known.get("action", ""))
            self._form = Form(self.url, action, known.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is None or "disabled" in known:
            return
        elif tag == "input" and known.get("type") == "file":
            self._form.files.add(name)
        elif tag == "select":
            self._select = name
            self._form.fields.setdefault(name, "")
        elif tag == "textarea":
            self._area = name
            self._form.fields[name] = ""
        elif tag == "option" and self._select and (not self._form.fields[self._select] or "selected" in known):
            self._form.fields[self._select] = value
        elif tag in {"input", "button"} and name:
            self._form.fields.setdefault(name, value)

    def handle_endtag(self, tag: str) -> None:
        self._form = None if tag == "form" else self._form
        self._select = "" if tag == "select" else self._select
        self._area = "" if tag == "textarea" else self._area

    def handle_data(self, data: str) -> None:
        if self._form and self._area:
            self._form.fields[self._area] += data


def shape_of(address: str) -> str:
    """A path or a name without the ids and numbers in it."""
    return _CHANGING.sub("{}", urlsplit(address).path)


def forms_of(http: requests.Session, start: list[str], passed: set[str]) -> Iterator[Form]:
    """Every form on what can be reached that has a field of another shape; no page may crash.

    passed: shapes of addresses that are not followed (what everybody sees was seen); those that were are added to it.
    """
    host = urlsplit(start[0]).netloc
    waiting, opened = list(start), set(start)
    known: set[tuple[str, str, str]] = set()
    shapes: dict[tuple[str, frozenset[str]], int] = {}
    before = frozenset(passed)
    asked = 0
    while waiting and asked < PAGES_MOST:
        url = waiting.pop(0)
        asked += 1
        answer = http.get(url)
        assert answer.status_code < 500, url
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        page = _Page(answer.url, answer.text)
        for form in page.forms:
            if urlsplit(form.action).netloc == host and not form.shapes.keys() <= known:
                known |= form.shapes.keys()
                yield form
        for link in page.links:
            parts = urlsplit(link)
            shape = (shape_of(link), frozenset(name for name, _ in parse_qsl(parts.query)))
            if link in opened or parts.netloc != host or parts.path.startswith(_NOT_ASKED) or shape[0] in before:
                continue
            passed.add(shape[0])
            if shapes.get(shape, 0) < ALIKE:
                shapes[shape] = shapes.get(shape, 0) + 1
                opened.add(link)
                waiting.append(link)
