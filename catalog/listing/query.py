"""Find products: filters, Chinese search and sorts, each through an index, a page at a time.

One statement; PostgreSQL puts the ready-made cards together and writes into them how many pieces can be ordered now.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, cast
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta

from catalog.county.models import DESIGNATION_KINDS
from catalog.listing.terms import QUERY_LENGTH, asked
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Detail, Invalid
from shop.core.paging import LIMIT_DEFAULT, LIMIT_MAX, cursor_of, read_cursor

FEN_MOST: Final = 10**12
READERS_MOST: Final = 6
_KEY_MOST: Final = 2**52

Name = Annotated[str, Meta(max_length=100, pattern="^[^\x00]*$")]
Sum = Annotated[int, Meta(ge=0, le=FEN_MOST)]
Sort = Literal["sold", "price", "-price", "newest"]


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What a visitor asks for; every field narrows. Sums are fen; `sort` sold, newest and -price go downwards."""

    county: Annotated[str, Meta(pattern="^[0-9]{6}$", description="县级行政区划代码，新旧代码都可以")] | None = None
    province: Annotated[Name, Meta(description="省级名称")] | None = None
    designation: Annotated[Literal[DESIGNATION_KINDS], Meta(description="帮扶类别")] | None = None  # type: ignore[valid-type]
    producer: Annotated[UUID, Meta(description="生产者编号")] | None = None
    category: Annotated[Name, Meta(description="品类")] | None = None
    zone: Annotated[Name, Meta(description="专区")] | None = None
    q: Annotated[str, Meta(max_length=QUERY_LENGTH, description="搜索：汉字或拼音，可多个词")] | None = None
    min_fen: Annotated[Sum, Meta(description="最低价（分）")] | None = None
    max_fen: Annotated[Sum, Meta(description="最高价（分）")] | None = None
    sort: Annotated[Sort, Meta(description="销量、价格从低到高、从高到低、最新")] = "sold"
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str, Meta(max_length=200, description="上一页的 next_cursor")] | None = None


_EXPECTED: Final = {
    "county": "县代码是 6 位数字。",
    "province": "省名太长或含有不能识别的字符。",
    "designation": "帮扶类别只能是 " + "、".join(DESIGNATION_KINDS) + "。",
    "producer": "生产者编号不对，请从生产者列表里取。",
    "category": "品类太长或含有不能识别的字符。",
    "zone": "专区太长或含有不能识别的字符。",
    "q": f"搜索词最多 {QUERY_LENGTH} 个字。",
    "min_fen": f"价格以分为单位，是 0 到 {FEN_MOST} 的整数。",
    "max_fen": f"价格以分为单位，是 0 到 {FEN_MOST} 的整数。",
    "sort": "排序只能是 sold、price、-price、newest。",
    "limit": f"每页 1 到 {LIMIT_MAX} 条。",
    "cursor": "翻页位置无效，请从第一页重新浏览。",
}
_FIELD: Final = re.compile(r"`\$\.(\w+)`")
_SORTS: Final[dict[str, tuple[str, str, str, str]]] = {
    # sort: column, direction, the key as a whole number, and back
    "sold": ("sold", "DESC", "sold", "{key}::bigint"),
    "price": ("price_fen", "ASC", "price_fen", "{key}::bigint"),
    "-price": ("price_fen", "DESC", "price_fen", "{key}::bigint"),
    "newest": (
        "listed_at",
        "DESC",
        "(extract(epoch FROM listed_at) * 1000000)::bigint",
        "timestamptz 'epoch' + {key}::bigint * interval '1 microsecond'",
    ),
}

# A card or detail with what can be ordered now in its slots: whole pieces of the product, then of each SKU. The
# scarcest content decides; nothing out of season. A product offers as many as its best SKU: SKUs may share a barn, so
# a sum could promise too much. Most goods are one SKU with one content; those are looked up for all rows at once.
FILLED: Final = """CASE
    WHEN cardinality(l.ship_months) > 0 AND NOT {month}::bigint = ANY(l.ship_months)
        THEN format(l.{text}, VARIADIC array_fill('0'::text, ARRAY[cardinality(l.slots) + 1]))
    WHEN cardinality(l.slots) = 1
        THEN format(l.{text}, coalesce(i.on_hand_pieces - i.held_pieces, 0) / l.stock_pieces[1],
            coalesce(i.on_hand_pieces - i.held_pieces, 0) / l.stock_pieces[1])
    ELSE format(l.{text}, VARIADIC (
        SELECT array_prepend(coalesce(max(pieces), 0)::text, array_agg(pieces::text ORDER BY slot)) FROM (
            SELECT k.slot, min(coalesce(s.on_hand_pieces - s.held_pieces, 0) / k.pieces) AS pieces
            FROM unnest(l.slots, l.stock_sku_ids, l.stock_pieces) AS k(slot, sku_id, pieces)
            LEFT JOIN stock_item s ON s.sku_id = k.sku_id GROUP BY k.slot
        ) AS slots))
END"""
STOCK: Final = "LEFT JOIN stock_item i ON i.sku_id = l.stock_sku_ids[1]"
_PAGE: Final = """
SELECT convert_to(coalesce(array_to_string((array_agg(item {order}))[1:$1::bigint], ','), ''), 'UTF8') AS items,
    count(*) > $1::bigint AS more,
    (array_agg(key {order}))[$1::bigint] AS last_key,
    (array_agg(product_id {order}))[$1::bigint] AS last_id
FROM (
    SELECT {filled} AS item, product_id, key FROM (
        SELECT product_id, card, ship_months, slots, stock_sku_ids, stock_pieces, {key} AS key FROM listing_row
        {where} ORDER BY {column} {direction}, product_id {direction} LIMIT $1::bigint + 1
    ) AS l {stock}
) AS found
"""
# A county is looked for under every code it has had or will have.
_LINEAGE: Final = """county_code = ANY(ARRAY(
    WITH RECURSIVE onward(code) AS (
        SELECT {0}::text UNION SELECT s.successor_code FROM onward o JOIN county_successor s ON s.code = o.code
    ), back(code) AS (
        SELECT {0}::text UNION SELECT s.code FROM back b JOIN county_successor s ON s.successor_code = b.code
    ) SELECT code FROM onward UNION SELECT code FROM back))"""


@dataclass(frozen=True, slots=True)
class Page:
    """`items`: JSON of the cards with commas between them."""

    items: bytes
    next_cursor: str | None

    def as_json(self) -> bytes:
        cursor = b"null" if self.next_cursor is None else b'"%b"' % self.next_cursor.encode()
        return b'{"items":[%b],"next_cursor":%b}' % (self.items, cursor)


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    values: tuple[Any, ...]
    sort: Sort
    searches: bool


def filters_of(asked_for: Mapping[str, str]) -> Filters:
    """Raises Invalid with a pointer to the parameter that is wrong. Blank parameters and unknown ones are ignored."""
    given = {name: value for name, value in asked_for.items() if value.strip()}
    try:
        filters = msgspec.convert(given, Filters, strict=False)
    except msgspec.ValidationError as error:
        found = _FIELD.search(str(error))
        raise _wrong(found.group(1) if found else "") from error
    if filters.min_fen is not None and filters.max_fen is not None and filters.min_fen > filters.max_fen:
        raise _wrong("min_fen", "最低价不能高于最高价。")
    return filters


def _wrong(field: str, said: str | None = None) -> Invalid:
    said = said or _EXPECTED.get(field, "参数有误。")
    return Invalid(said, [Detail(f"/{field}", f"{field}_invalid", said)])


async def find(database: Database, filters: Filters, *, now: datetime) -> Page:
    """A page of products. Raises Invalid on a cursor that does not belong to this sort."""
    return await read_page(database, statement_of(filters, now=now))


async def read_page(database: Database, statement: Statement) -> Page:
    if statement.searches:
        found = await _search(database, statement)
    else:
        async with _readers(database):
            found = await database.hot.fetchrow(statement.sql, *statement.values)
    row = cast("asyncpg.Record", found)  # an aggregate always has one
    return Page(row["items"], cursor_of(statement.sort, row["last_key"], row["last_id"]) if row["more"] else None)


class _Readers(asyncio.Semaphore):
    """How many lists are read at once. More keep no processor busier, and make the database's processes forget."""


def _readers(database: Database) -> _Readers:
    found: _Readers | None = database.kept.get(_Readers)
    if found is None:
        found = database.kept[_Readers] = _Readers(READERS_MOST)
    return found


async def _search(database: Database, statement: Statement) -> asyncpg.Record | None:
    """A word that half of all goods have needs another plan than a rare one, so searches are planned each time."""
    async with database.reading() as session:
        connection = await (await session.connection()).get_raw_connection()
        driver = cast("asyncpg.Connection[asyncpg.Record]", connection.driver_connection)
        return await driver.fetchrow(statement.sql, *statement.values)


def statement_of(filters: Filters, *, now: datetime) -> Statement:
    """Only fragments of this file go into the text; what a visitor typed goes in as values.

    Raises Invalid on a cursor that does not belong to this sort.
    """
    values: list[Any] = [filters.limit, clock.business_day(now).month]
    column, direction, key, key_back = _SORTS[filters.sort]
    conditions: list[str] = []

    def add(condition: str, value: Any) -> None:
        values.append(value)
        conditions.append(condition.format(f"${len(values)}"))

    for condition, value in (
        (_LINEAGE, filters.county),
        ("province = {}", filters.province),
        ("designations @> ARRAY[{}::text]", filters.designation),
        ("producer_id = {}", filters.producer),
        ("category = {}", filters.category),
        ("zones @> ARRAY[{}::text]", filters.zone),
        ("price_fen >= {}", filters.min_fen),
        ("price_fen <= {}", filters.max_fen),
    ):
        if value is not None:
            add(condition, value)
    if filters.q is not None:
        requested = asked(filters.q)
        if not requested.terms:
            conditions.append("false")
        else:
            add("terms @> {}::text[]", list(requested.terms))
        for part in requested.parts:
            add("strpos(search_text, {}) > 0", part)
    if filters.cursor is not None:
        last_key, last_id = _keys(filters)
        values += [last_key, last_id]
        after = "<" if direction == "DESC" else ">"
        there = key_back.format(key=f"${len(values) - 1}")
        conditions.append(f"({column}, product_id) {after} ({there}, ${len(values)}::uuid)")
    sql = _text(column, direction, key, " AND ".join(conditions))
    return Statement(sql, tuple(values), filters.sort, searches=filters.q is not None)


@lru_cache(maxsize=500)
def _text(column: str, direction: str, key: str, conditions: str) -> str:
    """The same object for the same question, so that the driver finds its prepared statement at once."""
    return _PAGE.format(
        key=key,
        where=f"WHERE {conditions}" if conditions else "",
        column=column,
        direction=direction,
        order=f"ORDER BY key {direction}, product_id {direction}",
        filled=FILLED.format(text="card", month="$2"),
        stock=STOCK,
    )


def _keys(filters: Filters) -> tuple[int, UUID]:
    sort, key, product_id = read_cursor(filters.cursor or "", str, int, UUID, int_max=2**63 - 1)
    if sort != filters.sort or not 0 <= key <= _KEY_MOST:
        raise _wrong("cursor")
    return key, product_id
