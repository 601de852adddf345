"""`/supplier/freight`: a supplier's table of freight, region by region, and from which day the next one holds."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Row
from starlette.responses import RedirectResponse, Response

from catalog.price.freight_queries import freight_rates, provinces, suppliers_of
from catalog.price.set_freight import NewRate, set_freight
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Detail, Invalid, NotFound, Problem
from shop.core.requests import TheDatabase
from shop.sheet.value import Unreadable, day_of, decimal_of, fen_of
from shop.ui.pages import render

ADDRESS: Final = "/supplier/freight"
ELSEWHERE: Final = "else"
EMPTY_ROWS: Final = 3
ROWS_MOST: Final = 120
FIELDS: Final = ("region", "served", "first_kg", "first_yuan", "step_kg", "step_yuan", "free_yuan")
NEW: Final = {
    "region": "", "served": "yes", "first_kg": "1", "first_yuan": "", "step_kg": "1", "step_yuan": "", "free_yuan": "",
}  # fmt: skip
_GRAMS_MOST: Final = 1_000_000
_FEN_MOST: Final = 1_000_000
_THRESHOLD_MOST: Final = 100_000_000
"""As FreightRateIn says them."""

routes = APIRouter(include_in_schema=False)

Writer = Annotated[Actor, Depends(requires(Permission.PRODUCT_WRITE))]
Typed = Sequence[Mapping[str, str]]


@routes.get(ADDRESS)
async def get_freight(
    request: Request, actor: Writer, database: TheDatabase, supplier: UUID | None = None, saved: date | None = None
) -> Response:
    """What holds today and what is planned, and the form for the next table, filled with the last one."""
    return await _page(request, actor, database, supplier, saved=saved)


@routes.post(ADDRESS)
async def post_freight(request: Request, actor: Writer, database: TheDatabase) -> Response:
    """The whole table from a day on. Refused, the form comes back as it was typed."""
    form = {name: str(value)[:40] for name, value in (await request.form()).items()}
    rows = [row for i in range(ROWS_MOST) if (row := {name: form.get(f"{name}-{i}", "") for name in FIELDS})["region"]]
    since = form.get("valid_from", "")
    try:
        supplier = UUID(form.get("supplier", ""))
    except ValueError:
        raise NotFound("没有这个供应商，或者它不是您的。") from None
    try:
        valid_from, rates = _read(since, rows)
        async with database.transaction() as session:
            await set_freight(
                session, actor=actor, supplier_id=supplier, rates=rates, valid_from=valid_from, now=clock.now()
            )
    except NotFound:
        raise
    except Problem as problem:
        return await _page(request, actor, database, supplier, typed=rows, since=since, problem=problem)
    return RedirectResponse(f"{ADDRESS}?{urlencode({'supplier': supplier, 'saved': valid_from})}", 303)


def _read(since: str, rows: Typed) -> tuple[date, list[NewRate]]:
    """Raises Invalid, with a pointer `/rates/{row}/{field}` for each field that cannot be read."""
    wrong: list[Detail] = []

    def read(pointer: str, what: Callable[[str], Any], written: str) -> Any:
        try:
            return what(written)
        except Unreadable as unreadable:
            wrong.append(Detail(pointer, "invalid", str(unreadable)))
            return None

    valid_from: date | None = read("/valid_from", _day, since)
    rates = []
    for i, row in enumerate(rows):
        served = row["served"] != "no"
        figures = {
            name: read(f"/rates/{i}/{field}", what, row[field])
            for name, field, what in (
                ("first_grams", "first_kg", _grams), ("first_fen", "first_yuan", _fen),
                ("step_grams", "step_kg", _grams), ("step_fen", "step_yuan", _fen),
            )
            if served
        }  # fmt: skip
        free = (
            read(f"/rates/{i}/free_yuan", _threshold, row["free_yuan"]) if served and row["free_yuan"].strip() else None
        )
        region = "" if row["region"] == ELSEWHERE else row["region"]
        if not (region.isascii() and (region.isdecimal() or not region) and len(region) in {0, 2, 4, 6}):
            wrong.append(Detail(f"/rates/{i}/region", "invalid", "请从列表中选择地区"))
        rates.append((region, served, figures, free))
    if wrong or valid_from is None:
        raise Invalid("请改正标出的各项。", wrong)
    return valid_from, [
        NewRate(region, served, free_from_fen=free, **{name: figure or 0 for name, figure in figures.items()})
        for region, served, figures, free in rates
    ]


def _day(written: str) -> date:
    day = day_of(written)
    if not 2_000 <= day.year < 2_200:
        raise Unreadable("请填写 2000 到 2199 年之间的日期")
    return day


def _threshold(written: str) -> int:
    fen = fen_of(written)
    if not 0 <= fen <= _THRESHOLD_MOST:
        raise Unreadable("包邮门槛要在 0 到 1000000 元之间")
    return fen


def _grams(written: str) -> int:
    grams = int(decimal_of(written, places=3) * 1_000)
    if not 1 <= grams <= _GRAMS_MOST:
        raise Unreadable("重量要在 0.001 到 1000 公斤之间")
    return grams


def _fen(written: str) -> int:
    fen = fen_of(written)
    if not 0 <= fen <= _FEN_MOST:
        raise Unreadable("运费要在 0 到 10000 元之间")
    return fen


async def _page(
    request: Request,
    actor: Actor,
    database: Database,
    supplier: UUID | None,
    *,
    typed: Typed | None = None,
    since: str | None = None,
    problem: Problem | None = None,
    saved: date | None = None,
) -> Response:
    today = clock.today()
    async with database.reading() as session:
        suppliers = await suppliers_of(session, actor)
        chosen = supplier or (suppliers[0].id if len(suppliers) == 1 else None)
        rates = await freight_rates(session, actor, chosen, day=today) if chosen else []
        regions = await provinces(session, day=today)
    names = dict(regions) | {"": "其他地区"}
    last = max((rate.valid_from for rate in rates), default=today)
    newest = [rate for rate in rates if rate.valid_from <= last < (rate.valid_to or date.max)]
    rows = list(typed) if typed is not None else [_as_typed(rate) for rate in newest]
    others = sorted({row["region"] for row in rows} - {ELSEWHERE, *dict(regions)})
    errors = {one.pointer: one.detail for one in problem.errors} if problem else {}
    return render(
        request,
        "price/freight.html",
        status=problem.status if problem else 200,
        suppliers=suppliers,
        chosen=next((one for one in suppliers if one.id == chosen), None),
        rates=rates,
        today=today,
        one_day=timedelta(days=1),
        names=names,
        regions=[(ELSEWHERE, "其他地区"), *regions, *((code, code) for code in others)],
        rows=[*rows, *[NEW] * min(EMPTY_ROWS, ROWS_MOST - len(rows))],
        since=since if since is not None else str(today + timedelta(days=1) if rates else today),
        errors=errors,
        problem=problem,
        saved=saved,
        arrives=any(rate.served and rate.valid_from <= today for rate in rates),
        address=ADDRESS,
        actor=actor,
    )


def _as_typed(rate: Row[Any]) -> dict[str, str]:
    def kg(grams: int) -> str:
        return f"{grams / 1_000:.3f}".rstrip("0").rstrip(".")

    def written(fen: int | None) -> str:
        return "" if fen is None else f"{fen / 100:.2f}"

    return {
        "region": rate.region or ELSEWHERE,
        "served": "yes" if rate.served else "no",
        "first_kg": kg(rate.first_grams),
        "first_yuan": written(rate.first_fen),
        "step_kg": kg(rate.step_grams),
        "step_yuan": written(rate.step_fen),
        "free_yuan": written(rate.free_from_fen),
    }
