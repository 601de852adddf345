"""What is typed into the order form: amounts by SKU, in kilograms where goods are weighed, else in pieces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Uuid, bindparam, text

from catalog.campaign.entitled import asked_of
from orders.canteen.amount import Amount, Good, goods_of, grams_of, measured, typed
from orders.canteen.queries import lists_of, order_seen
from orders.canteen.visibility import Kitchen, NoSuchCanteenOrder, kitchen_of_order
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import Detail, Invalid
from shop.core.ids import new_id
from shop.sheet.value import Unreadable, whole_of

AMOUNT: Final = "amount-"
_FOUND_MOST: Final = 12
_NOW = bindparam("now", type_=DateTime(timezone=True))
_FIND: Final = text("""
SELECT s.id FROM sku s JOIN product p ON p.id = s.product_id
WHERE p.state = 'listed' AND s.active AND (position(:q IN p.title) > 0 OR position(:q IN p.category) > 0)
ORDER BY p.title, s.id LIMIT :most
""")
_PRICES: Final = text(f"""
SELECT q.sku_id, min(q.fen) AS fen FROM price q WHERE q.sku_id = ANY(:skus) AND q.min_quantity = 1
    AND {asked_of("canteen", "q", ":now")} GROUP BY q.sku_id
""").bindparams(bindparam("skus", type_=ARRAY(Uuid)), _NOW)  # noqa: S608  # our own words


@dataclass(slots=True)
class FormRow:
    """One SKU of the form: what stands in its field, what is wrong with it, and what it would cost (fen)."""

    good: Good
    typed: str
    unit_price_fen: int | None
    error: str | None = None
    fen: int | None = None


@dataclass(slots=True)
class Form:
    """key: of the order that will result, so that a form sent twice is one order."""

    canteen_id: UUID
    deliver_on: str
    rows: list[FormRow] = field(default_factory=list)
    list_id: UUID | None = None
    list_version: int | None = None
    list_name: str = ""
    supplements_id: UUID | None = None
    q: str = ""
    key: str = ""

    @property
    def amounts(self) -> list[Amount]:
        return [typed(row.good.id, row.typed, row.good) for row in self.rows if row.typed.strip() not in {"", "0"}]

    @property
    def errors(self) -> dict[str, str]:
        return {f"{AMOUNT}{row.good.id}": row.error for row in self.rows if row.error}

    @property
    def total_fen(self) -> int:
        return sum(row.fen or 0 for row in self.rows)


def said(milli: int, good: Good) -> str:
    """As it stands in a field: kilograms of weighed goods, else pieces."""
    if not good.weighed:
        return str(milli // 1_000)
    whole, rest = divmod(grams_of(milli, good), 1_000)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)


async def begun(
    session: ReadSession,
    actor: Actor,
    kitchen: Kitchen,
    *,
    list_id: UUID | None,
    repeat_id: UUID | None,
    supplements_id: UUID | None,
    now: datetime,
) -> Form:
    """The form as it opens: filled from a list, or from an order to repeat; empty for more of an order."""
    form = Form(kitchen.id, str(clock.business_day(now) + timedelta(days=1)), supplements_id=supplements_id)
    form.key = str(new_id())
    requested: dict[UUID, int] = {}
    if list_id:
        for seen in await lists_of(session, [kitchen], now=now, list_id=list_id):
            form.list_id, form.list_version, form.list_name = seen.id, seen.version, seen.name
            requested = {line.sku_id: line.milli for line in seen.lines}
    elif before := repeat_id or supplements_id:
        theirs = await kitchen_of_order(session, actor, before, clock.business_day(now), Permission.CANTEEN_BUY)
        if theirs.id != kitchen.id:
            raise NoSuchCanteenOrder("请从这个食堂的订单里选。")
        _, lines = await order_seen(session, before)
        requested = {line.sku_id: line.ordered_milli if repeat_id else 0 for line in lines}
    goods = await goods_of(session, list(requested))
    await _fill_rows(
        session, form, [(goods[sku], said(milli, goods[sku]) if milli else "") for sku, milli in requested.items()], now
    )
    return form


async def sent(session: ReadSession, fields: Mapping[str, str], kitchen: Kitchen, now: datetime) -> Form:
    """What came back from the browser, nothing of it lost; what was searched for is added at the end."""
    form = Form(
        kitchen.id,
        fields.get("deliver_on", ""),
        list_id=_maybe_id(fields.get("list_id")),
        list_version=_maybe_version(fields.get("list_version", "")),
        list_name=fields.get("list_name", "").strip()[:100],
        supplements_id=_maybe_id(fields.get("supplements_id")),
        q=fields.get("q", "").replace("\0", "").strip()[:60],
        key=fields.get("key", "")[:200],
    )
    written = {
        sku: amount
        for name, amount in fields.items()
        if name.startswith(AMOUNT) and (sku := _maybe_id(name.removeprefix(AMOUNT)))
    }
    found = list(await session.scalars(_FIND, {"q": form.q, "most": _FOUND_MOST})) if form.q else []
    order = list(dict.fromkeys([*written, *found]))[:200]
    goods = await goods_of(session, order)
    await _fill_rows(session, form, [(goods[sku], written.get(sku, "")[:20]) for sku in order if sku in goods], now)
    return form


async def _fill_rows(session: ReadSession, form: Form, rows: Sequence[tuple[Good, str]], now: datetime) -> None:
    prices = {
        row.sku_id: row.fen
        for row in await session.execute(_PRICES, {"skus": [good.id for good, _ in rows], "now": now})
    }
    form.rows = [FormRow(good, amount, prices.get(good.id)) for good, amount in rows]
    for row in form.rows:
        if row.typed.strip() in {"", "0"}:
            continue
        try:
            [one] = measured([typed(row.good.id, row.typed, row.good)], {row.good.id: row.good})
        except ValueError as wrong:
            row.error = str(wrong)
        else:
            row.fen = None if row.unit_price_fen is None else (row.unit_price_fen * one.milli + 500) // 1_000


def day_of(said_day: str) -> date | None:
    try:
        return date.fromisoformat(said_day)
    except ValueError:
        return None


def _maybe_version(written: str) -> int | None:
    """Raises Invalid for what no list's version can be."""
    try:
        return whole_of(written, most=2**31 - 1) if written else None
    except Unreadable as wrong:
        raise Invalid("请刷新页面再试。", [Detail("/list_version", "invalid", "请刷新页面再试")]) from wrong


def _maybe_id(written: str | None) -> UUID | None:
    try:
        return UUID(written or "")
    except ValueError:
        return None
