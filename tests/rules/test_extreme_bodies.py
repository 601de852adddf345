"""Whatever stands in a field of a form, of a JSON body or of an address: it is refused or kept, and never a crash.

Each is tried in its place: in a form that somebody finds on his pages, in a body that would be accepted otherwise.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import requests
from fastapi.routing import APIRoute, iter_route_contexts

from shop.app.main import create_app
from shop.core import clock
from shop.core.settings import Settings
from tests.make.crawl import Form, forms_of, shape_of
from tests.make.running_shop import PASSWORD, PEOPLE, running_shop, whose_job
from tests.make.waiting_shop import wait
from tests.make.whole_shop import WholeShop
from tests.rules.test_routes import calls

ROOT: Final = Path(__file__).resolve().parents[2]
NIL: Final = "00000000-0000-0000-0000-000000000000"
TEXTS: Final = ("9" * 31, "x" * 65_536)
IN_ADDRESS: Final = ("a\0b", "9" * 31, "x" * 6_000, "-1")
WORDS: Final = ("a%00b", "%ED%A0%80", "9" * 31, "x" * 6_000, "-1")
VALUES: Final = ("a\0b", "\ud800", 10**30, "x" * 65_536, 2**63, {"a": "\ud800"})
WELL_KNOWN: Final = (
    "/", "/cart", "/checkout", "/orders", "/me", "/staff", "/union", "/canteen", "/audit", "/admin", "/verify",
    "/union/purchases/new", "/union/roster", "/union/acceptances", "/union/rules", "/join/demo-friends",
    "/staff/payments", "/staff/flags", "/staff/rectifications", "/staff/intake", "/staff/intake/claims",
    "/staff/intake/offline", "/staff/corrections", "/staff/reports", "/staff/balance", "/staff/periods",
    "/staff/filings", "/staff/bank", "/supplier/invoices", "/products/{product_id}",
    "/union/purchases/{purchase_id}", "/union/purchases/{purchase_id}/roll",
)  # fmt: skip
VISITORS: Final = (
    "nobody", *(who for who in PEOPLE if who != "admin"), "staff.second", "platform", "admin.second", "admin",
)  # fmt: skip
"""Administrators come last: they put others out."""
app = create_app(Settings(_env_file=None))
_ASKED: Final = dict(calls(app))


@pytest.fixture(scope="module")
def shop(
    postgres: Path, shop_template: str, schema: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholeShop]:
    with running_shop(postgres, shop_template, schema, tmp_path_factory.mktemp("extremes")) as running:
        wait(running.shop)
        yield running.shop


def signed_in(shop: WholeShop, who: str) -> requests.Session:
    browser = requests.Session()
    browser.trust_env = False
    browser.headers["accept"] = "text/html"
    if who != "nobody":
        sent = {"csrf_token": token_in(browser, f"{shop.url}/sign-in"), "email": f"{who}@demo.test"}
        answer = browser.post(f"{shop.url}/sign-in", data=sent | {"password": PASSWORD}, allow_redirects=False)
        assert answer.status_code == 303
    return browser


def token_in(browser: requests.Session, url: str) -> str:
    return browser.get(url).text.split('name="csrf_token" value="')[1].split('"')[0]


def played(browser: requests.Session, form: Form, changed: Mapping[str, str]) -> requests.Response:
    """Nobody is put out by it: who stands in the address is nobody then."""
    fields = form.fields | changed
    if form.action.endswith(("/suspend", "/end")):
        form = replace(form, action=re.sub("[0-9a-f-]{36}", NIL, form.action))
    if form.method == "get":
        return browser.get(form.action, params=fields, allow_redirects=False)
    token = fields.pop("csrf_token", "")  # it stands first: an upload is asked for it before it is read
    if form.files:
        parts: list[Any] = [("csrf_token", (None, token)), *((name, (None, said)) for name, said in fields.items())]
        parts += [(name, ("a.csv", b"a,b\n1,2\n")) for name in form.files]
        return browser.post(form.action, files=parts, allow_redirects=False)
    return browser.post(form.action, data={"csrf_token": token} | fields, allow_redirects=False)


def crashes(browser: requests.Session, form: Form, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Where anything else than an answer or a refusal came."""
    for name in names:
        for text in IN_ADDRESS if form.method == "get" else TEXTS:
            if played(browser, form, {name: text}).status_code >= 500:
                yield form.method, shape_of(form.action), name, text[:20]
    # One door for all fields: `shop/app/home/no_nul.py`.
    if form.method == "post" and names and played(browser, form, dict.fromkeys(names, "a\0b")).status_code >= 500:
        yield form.method, shape_of(form.action), "a NUL"


def page_routes() -> Iterator[tuple[str, str, APIRoute]]:
    """(method, path, route) of what people use."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and not (context.path or "").startswith(("/api/", "/hooks/", "/sandbox/")):
            for method in sorted(route.methods):
                yield method, context.path or "", route


def at(shop: WholeShop, path: str, label: str = "") -> str:
    """An address with ids of things that there are; label: of those that fit this call."""
    ids = shop.ids | {name.split(" of ")[0]: one for name, one in shop.ids.items() if name.endswith(f" of {label}")}
    return shop.url + re.sub(r"{(\w+)}", lambda found: ids.get(found[1], NIL), path)


def whose_page(method: str, path: str) -> str:
    """Whoever may open it; what takes no right, an employee."""
    return whose_job(_ASKED, method, path) if _ASKED[method, path] else "employee"


def test_every_field_of_every_form(shop: WholeShop) -> None:
    """Those that anybody is shown; and, of what is shown to nobody just now, all names that its room's pages know."""
    start = [at(shop, path) for path in WELL_KNOWN]
    browsers = {who: signed_in(shop, who) for who in VISITORS}
    public = set[str]()
    forms = [("nobody", form) for form in forms_of(browsers["nobody"], start, public)]
    forms += [(who, form) for who in VISITORS[1:] for form in forms_of(browsers[who], start, set(public))]
    shown = {action for _, form in forms for method, action, _ in form.shapes if method == "post"}
    for method, path, route in page_routes():
        if method == "POST" and not any(re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), one) for one in shown):
            who = whose_page(method, path)
            names = {one.alias for one in route.dependant.body_params} | names_in_room(route)
            fields = dict.fromkeys(sorted(names), "1") | {"csrf_token": token_in(browsers[who], f"{shop.url}/verify")}
            forms.append((who, Form("", at(shop, path), "post", fields)))
    known, crashed = set[tuple[str, str, str]](), list[tuple[str, ...]]()
    for who, form in forms:
        new = [name for shape, name in form.shapes.items() if shape not in known and name != "csrf_token"]
        known |= form.shapes.keys()
        crashed += crashes(browsers[who], form, new)
    assert len(shown) > 60, "the pages were opened"
    assert crashed == [], "\n".join(map(str, crashed))


def names_in_room(route: APIRoute) -> set[str]:
    """Names of fields in the templates beside the route."""
    folder = ROOT.joinpath(*route.endpoint.__module__.split(".")[:2]) / "templates"
    found = (re.findall(r'name="([a-z_0-9]+)"', page.read_text()) for page in folder.rglob("*.html"))
    return {name for names in found for name in names}


def test_every_word_of_every_page(shop: WholeShop) -> None:
    browsers = {who: signed_in(shop, who) for who in VISITORS}
    tokens = {who: token_in(browser, f"{shop.url}/verify") for who, browser in browsers.items() if who != "nobody"}
    asked = [
        (method, whose_page(method, path), path.replace(f"{{{one.name}}}", word), {})
        for method, path, route in page_routes()
        for one in route.dependant.path_params
        for word in WORDS
    ] + [
        (method, whose_page(method, path), path, {one.alias: text})
        for method, path, route in page_routes()
        for one in route.dependant.query_params
        for text in IN_ADDRESS
    ]
    crashed = []
    for method, who, path, params in asked:
        sent = {"csrf_token": tokens[who]} if method == "POST" else None
        answer = browsers[who].request(method, at(shop, path), params=params, data=sent, allow_redirects=False)
        if answer.status_code >= 500:
            crashed.append((method, path[:80], str(params)[:40]))
    assert crashed == [], "\n".join(map(str, crashed))


def test_every_word_of_every_call(shop: WholeShop) -> None:
    asked = [
        (method.upper(), path, path.replace(f"{{{one['name']}}}", word))
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
        for one in operation.get("parameters", ())
        for word in WORDS
        if one["in"] == "path"
    ]
    crashed = []
    for method, path, address in asked:
        headers = shop.headers(whose_job(_ASKED, method, path))
        answer = shop.http.request(method, at(shop, address), headers=headers, json={})
        if answer.status_code >= 500:
            crashed.append((method, address[:80]))
    assert crashed == [], "\n".join(map(str, crashed))


def test_every_part_of_every_json_body(shop: WholeShop) -> None:
    document, crashed, tried = app.openapi(), [], 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" not in content:
                continue
            label = f"{method.upper()} {path}"
            body: Any = shop.bodies.get(label) or sample(document, content["application/json"]["schema"], shop)
            url = at(shop, path, label)
            who = whose_job(_ASKED, method.upper(), path)
            for place in places(body):
                for value in VALUES:
                    headers = shop.headers(who) | {"idempotency-key": uuid4().hex}
                    answer = shop.http.request(method, url, headers=headers, json=changed(body, place, value))
                    tried += 1
                    if answer.status_code >= 500:
                        crashed.append((label, place, str(value)[:20]))
    assert tried > 1_000
    assert crashed == [], "\n".join(map(str, crashed))


def places(body: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in it, however deep."""
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, one in inside:
        yield (*here, name)
        yield from places(one, (*here, name))


def changed(body: Any, place: Sequence[Any], value: Any) -> Any:
    if not place:
        return value
    copy = body.copy()
    copy[place[0]] = changed(body[place[0]], place[1:], value)
    return copy


def sample(document: Mapping[str, Any], schema: Mapping[str, Any], shop: WholeShop, name: str = "") -> Any:
    """A body of every property that the schema names, of roughly the right kind."""
    while (
        inner := next((schema[one] for one in ("anyOf", "oneOf", "allOf") if one in schema), None) or "$ref" in schema
    ):
        schema = inner[0] if isinstance(inner, list) else named(document, schema["$ref"])
    if schema.get("type") == "object":
        return {one: sample(document, of, shop, one) for one, of in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [sample(document, schema.get("items", {}), shop, name)]
    plain = {
        "integer": schema.get("minimum", 1), "number": 1, "boolean": True, "uuid": shop.ids.get(name, NIL),
        "date": str(clock.today()), "string": shop.ids.get(name, "a" * schema.get("minLength", 1)),
    }  # fmt: skip
    known = schema.get("enum", [schema.get("const", plain.get(schema.get("format", schema.get("type", "string"))))])
    return known[0]


def named(document: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document["components"]["schemas"][reference.rsplit("/", 1)[-1]]
    return found
