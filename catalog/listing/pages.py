"""The shop window as people see it: list, county, product, and the pictures of goods."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from catalog.county.browse import read_county
from catalog.listing.detail import detail
from catalog.listing.query import Filters, filters_of, find
from catalog.listing.schemas import ProductDetail
from catalog.listing.window import answers_for, out_of_season, picture_of, shelves
from shop.access.limits import limit_search
from shop.core import clock
from shop.core.errors import Detail, Invalid
from shop.core.etag import tagged
from shop.core.requests import TheDatabase
from shop.ui.pages import render
from shop.ui.pictures import product_picture

routes = APIRouter(include_in_schema=False)

CARDS: Final = 24
"""A page of two, three or four columns ends without a gap."""
PICTURE_AGE_S: Final = 3600
_YUAN: Final = {"min_yuan": "min_fen", "max_yuan": "max_fen"}


@routes.get("/")
async def get_window(request: Request, database: TheDatabase) -> Response:
    """The list with its search and filters; prices are asked for in yuan."""
    await limit_search(request)
    asked = {name: value for name, value in request.query_params.items() if value.strip()}
    filters = filters_of({"limit": str(CARDS)} | _in_fen(asked))
    now = clock.now()
    page = await find(database, filters, now=now)
    goods = msgspec.json.decode(b"[" + page.items + b"]")
    async with database.reading() as session:
        shown = await shelves(session)
        late = await out_of_season(session, [UUID(one["id"]) for one in goods], now=now)
    return _shared(
        request,
        "listing/list.html",
        goods=goods,
        late=late,
        shelves=shown,
        filters=filters,
        asked=asked,
        chosen=_chosen(asked, goods),
        narrowed=any(name not in {"lang", "sort", "limit", "cursor"} for name in asked),
        link=_links(asked),
        next_url=_links(asked)(cursor=page.next_cursor) if page.next_cursor else None,
        first_url=_links(asked)() if filters.cursor else None,
    )


@routes.get("/counties/{code}")
async def get_county(request: Request, database: TheDatabase, code: str) -> Response:
    """Why buying from here helps. Raises NotFound."""
    now = clock.now()
    today = clock.business_day(now)
    cursor = request.query_params.get("cursor") or None
    async with database.reading() as session:
        county = await read_county(session, code)
        answering = await answers_for(session, code, today=today)
    page = await find(database, Filters(county=code, limit=CARDS, cursor=cursor), now=now)
    goods = msgspec.json.decode(b"[" + page.items + b"]")
    async with database.reading() as session:
        late = await out_of_season(session, [UUID(one["id"]) for one in goods], now=now)
    return _shared(
        request,
        "listing/county.html",
        county=county,
        designations=[one for one in county.designations if one.valid_to is None or one.valid_to > today],
        ended=[one for one in county.designations if one.valid_to is not None and one.valid_to <= today],
        answering=answering,
        goods=goods,
        late=late,
        one_day=timedelta(days=1),
        next_url=f"?{urlencode({'cursor': page.next_cursor})}" if page.next_cursor else None,
    )


@routes.get("/products/{product_id}")
async def get_product(request: Request, database: TheDatabase, product_id: UUID) -> Response:
    """One product with all that speaks for it. Raises ProductNotListed."""
    now = clock.now()
    product = ProductDetail.model_validate_json(await detail(database, product_id, now=now))
    async with database.reading() as session:
        answering = await answers_for(session, product.county.code, today=clock.business_day(now))
    return render(request, "listing/product.html", product=product, answering=answering, one_day=timedelta(days=1))


@routes.get("/media/products/{product_id}.svg")
async def get_picture(request: Request, database: TheDatabase, product_id: UUID) -> Response:
    """A drawing of what is sold; the same for an hour. Raises ProductNotListed."""
    async with database.reading() as session:
        category, title = await picture_of(session, product_id)
    drawn = product_picture(category, title, product_id.int)
    return tagged(request, drawn.encode(), media_type="image/svg+xml", max_age_s=PICTURE_AGE_S)


def _shared(request: Request, name: str, **context: Any) -> Response:
    """A page without a form of its own: for strangers the same, so that the cache in front may give it to the next."""
    page = render(request, name, **context)
    if getattr(request.state, "viewer", None) is None:
        page.headers["cache-control"] = "no-cache"
    return page


def _in_fen(asked: dict[str, str]) -> dict[str, str]:
    """Raises Invalid on a price that is not a whole number of yuan."""
    found = {name: value for name, value in asked.items() if name not in _YUAN}
    for yuan, fen in _YUAN.items():
        if yuan not in asked:
            continue
        typed = asked[yuan].strip()
        if not (typed.isascii() and typed.isdigit() and len(typed) < 9):
            raise Invalid("价格请填整数元，例如 50。", [Detail(f"/{yuan}", f"{yuan}_invalid", "请填整数元")])
        found[fen] = str(int(typed) * 100)
    return found


def _chosen(asked: dict[str, str], goods: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What was chosen, as (parameter, words), to be taken away one by one. Zones and searches show by themselves."""
    names = {
        name: asked[name] for name in ("category", "province", "designation", "county", "producer") if name in asked
    }
    for name in ("county", "producer"):
        if name in names and goods:
            names[name] = goods[0][name]["name"]
    prices = {"min_yuan": "≥ ¥{}", "max_yuan": "≤ ¥{}"}
    return [*names.items(), *((name, said.format(asked[name])) for name, said in prices.items() if name in asked)]


def _links(asked: dict[str, str]) -> Callable[..., str]:
    """Addresses of this list with something changed; None takes a filter away. Each starts at the first page."""

    def link(**changed: Any) -> str:
        requested = {name: value for name, value in (asked | {"cursor": None} | changed).items() if value is not None}
        return f"/?{urlencode(requested)}" if requested else "/"

    return link
