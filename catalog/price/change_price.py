"""A new price closes the old row and opens its own: what was asked on any day stays known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from catalog.price.limit import moves_too_far
from catalog.producer.scope import NotYourSupplier, supplier_ids
from catalog.product.shelf import ReviewNeeded
from catalog.product.touch import touch
from shop.access.permissions import Actor, Permission
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.core.window import in_force


class UnknownSku(Problem):
    status = 422
    code = "sku_unknown"
    title = "没有这个规格编号"


class PriceInThePast(Problem):
    """A price would change what was asked on days gone by. Nothing was saved."""

    status = 422
    code = "price_in_the_past"
    title = "价格只能从现在或以后生效"


class PriceTwice(Problem):
    """The same SKU, list and quantity twice from one moment. Nothing was saved."""

    status = 422
    code = "price_twice"
    title = "同一规格在同一时刻有两个价格"


@dataclass(frozen=True, slots=True)
class NewPrice:
    """fen a piece, from `min_quantity` pieces on; valid_from None = from now on."""

    sku_code: str
    fen: int
    list: str = "retail"
    min_quantity: int = 1
    valid_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class HeldPrice:
    """A price that waits. before_fen: of the row that it would close; None: there is none for that quantity."""

    product_id: UUID
    price: NewPrice
    before_fen: int | None


# Products first, and in order, like whoever changes facts of them.
_LOCK = text("""
SELECT id FROM product WHERE id IN (SELECT product_id FROM sku WHERE code = ANY(:codes)) ORDER BY id FOR NO KEY UPDATE
""")
_SKUS = text("""
SELECT s.code, s.id, s.product_id, p.supplier_id, p.state <> 'draft' AS on_shelf
FROM sku s JOIN product p ON p.id = s.product_id
WHERE s.code = ANY(:codes) ORDER BY s.id FOR NO KEY UPDATE OF s
""")
# For every new price: the row it falls into, the start of the next one planned, and what that many pieces cost till
# then: on its list, else on the retail list.
_AROUND = text(f"""
SELECT r.index, q.id, q.fen, q.valid_from, k.fen AS known_fen, k.reviewed_fen,
    (SELECT min(n.valid_from) FROM price n WHERE (n.sku_id, n.list, n.min_quantity) = (r.sku_id, r.list, r.min_quantity)
        AND n.valid_from > r.valid_from) AS next_from,
    EXISTS (SELECT FROM price n
        WHERE (n.sku_id, n.list, n.min_quantity) = (r.sku_id, r.list, r.min_quantity)) AS priced_before
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(index int, sku_id uuid, list text, min_quantity bigint, valid_from timestamptz)
LEFT JOIN price q ON (q.sku_id, q.list, q.min_quantity) = (r.sku_id, r.list, r.min_quantity)
    AND {in_force("q", "r.valid_from")}
LEFT JOIN LATERAL (
    SELECT b.fen, coalesce(b.reviewed_fen, b.fen) AS reviewed_fen FROM price b
    WHERE b.sku_id = r.sku_id AND b.list IN (r.list, 'retail') AND b.min_quantity <= r.min_quantity
        AND {in_force("b", "r.valid_from")}
    ORDER BY b.list = r.list DESC, b.min_quantity DESC LIMIT 1
) k ON true
ORDER BY r.index
""")  # noqa: S608  # our own words
_CLOSE = text("""
UPDATE price SET valid_to = r.valid_from
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(closes uuid, valid_from timestamptz) WHERE price.id = r.closes
""")
_OPEN = text("""
INSERT INTO price (id, sku_id, list, min_quantity, fen, reviewed_fen, valid_from, valid_to)
SELECT id, sku_id, list, min_quantity, fen, reviewed_fen, valid_from, next_from
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, sku_id uuid, list text, min_quantity bigint, fen bigint,
    reviewed_fen bigint, valid_from timestamptz, next_from timestamptz)
""")


async def change_prices(
    session: WriteSession,
    *,
    actor: Actor | None,
    prices: Sequence[NewPrice],
    now: datetime,
    reason: str | None = None,
    held: list[HeldPrice] | None = None,
    reviewed: bool = False,
) -> int:
    """Open new prices and close those they replace; how many changed. The price that already holds is no change.

    A new row ends where the next planned one begins. Only a SKU that had no price on that list may get one from the
    past. Of goods that have been on the shelf, a price that moves too far (`limit.py`) from what they cost, or from
    what a second person last saw, is put into `held`; where nobody holds it (None), it is refused. So is one that can
    be compared with none. reviewed: a second person has seen all of these (`catalog.review` alone says so).

    Raises UnknownSku, NotYourSupplier, PriceInThePast, PriceTwice, ReviewNeeded; pointers are `/{row}/{field}`.
    """
    skus = await _skus(session, actor, prices)
    _refuse_twice(prices)
    documents = [_document(one, skus[one.sku_code].id, now) for one in prices]
    around = (await session.execute(_AROUND, {"rows": as_rows(documents)})).all()
    _refuse_past(prices, around, now)
    changed, waiting = [], []
    for i, (one, document, old) in enumerate(zip(prices, documents, around, strict=True)):
        if old.fen == one.fen:
            continue
        sku = skus[one.sku_code]
        if not reviewed and sku.on_shelf and _waits(one, old):
            waiting.append((i, HeldPrice(sku.product_id, one, old.fen)))
            continue
        seen = None if reviewed or not sku.on_shelf or old.reviewed_fen == one.fen else old.reviewed_fen
        changed.append(
            document
            | {"closes": old.id and str(old.id), "before": old.fen, "next_from": old.next_from, "reviewed_fen": seen}
        )
    if waiting and held is None:
        said = "价格变动超过一个人可以决定的幅度"
        raise ReviewNeeded(errors=[Detail(f"/{i}/price_yuan", ReviewNeeded.code, said) for i, _ in waiting])
    if held is not None:
        held += [one for _, one in waiting]
    await _write(session, changed, actor=actor, reason=reason, now=now)
    changed_skus = {document["sku_id"] for document in changed}
    await touch(session, {row.product_id for row in skus.values() if str(row.id) in changed_skus}, now=now)
    return len(changed)


async def prices_before(session: WriteSession, prices: Sequence[NewPrice], *, now: datetime) -> list[int | None]:
    """What each of the prices would replace: fen of the row that holds at its moment. The SKUs are locked."""
    skus = await _skus(session, None, prices)
    documents = [_document(one, skus[one.sku_code].id, now) for one in prices]
    return [row.fen for row in await session.execute(_AROUND, {"rows": as_rows(documents)})]


def _document(one: NewPrice, sku_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "sku_id": str(sku_id),
        "list": one.list,
        "min_quantity": one.min_quantity,
        "fen": one.fen,
        "valid_from": (one.valid_from or now).isoformat(),
        "id": str(new_id()),
    }


def _waits(one: NewPrice, old: Row[Any]) -> bool:
    return old.known_fen is None or any(
        moves_too_far(one.list, before, one.fen) for before in (old.known_fen, old.reviewed_fen)
    )


def _refuse_twice(prices: Sequence[NewPrice]) -> None:
    keys = [(one.sku_code, one.list, one.min_quantity) for one in prices]
    if len(set(keys)) < len(keys):
        twice = [i for i, key in enumerate(keys) if key in keys[:i]]
        raise PriceTwice(
            errors=[
                Detail(f"/{i}/sku_code", PriceTwice.code, f"规格 {keys[i][0]} 重复出现，请分两次导入") for i in twice
            ]
        )


def _refuse_past(prices: Sequence[NewPrice], around: Sequence[Row[Any]], now: datetime) -> None:
    late = [
        Detail(f"/{i}/valid_from", PriceInThePast.code, f"规格 {one.sku_code} 已有价格，新价格不能早于现在")
        for i, (one, old) in enumerate(zip(prices, around, strict=True))
        if one.valid_from is not None and one.valid_from < now and old.priced_before and old.fen != one.fen
    ]
    late += [
        Detail(f"/{i}/valid_from", PriceInThePast.code, f"规格 {one.sku_code} 在这个时刻已经定过价，请换一个生效时间")
        for i, (one, old) in enumerate(zip(prices, around, strict=True))
        if old.valid_from == (one.valid_from or now) and old.fen != one.fen
    ]
    if late:
        raise PriceInThePast(errors=late)


async def _write(
    session: WriteSession,
    changed: Sequence[dict[str, Any]],
    *,
    actor: Actor | None,
    reason: str | None,
    now: datetime,
) -> None:
    await session.execute(_CLOSE, {"rows": as_rows(changed)})
    await session.execute(_OPEN, {"rows": as_rows(changed)})
    kept = ("fen", "list", "min_quantity", "valid_from")
    await record_changes(
        session,
        [
            Change(
                "price.change",
                f"sku:{one['sku_id']}",
                None if one["before"] is None else {"fen": one["before"]},
                msgspec.to_builtins({key: one[key] for key in kept}),
                reason,
            )
            for one in changed
        ],
        actor_id=actor.user_id if actor else None,
        now=now,
    )


async def _skus(session: WriteSession, actor: Actor | None, prices: Sequence[NewPrice]) -> dict[str, Row[Any]]:
    """The SKUs, locked in order, so that two price changes of one SKU queue."""
    codes = {"codes": sorted({one.sku_code for one in prices})}
    await session.execute(_LOCK, codes)
    rows = await session.execute(_SKUS, codes)
    skus = {row.code: row for row in rows}
    unknown = [
        Detail(f"/{i}/sku_code", UnknownSku.code, f"没有规格编号 {one.sku_code}")
        for i, one in enumerate(prices)
        if one.sku_code not in skus
    ]
    if unknown:
        raise UnknownSku(errors=unknown)
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    strangers = [
        Detail(f"/{i}/sku_code", NotYourSupplier.code, f"规格 {one.sku_code} 不属于您的供应商账号")
        for i, one in enumerate(prices)
        if mine is not None and skus[one.sku_code].supplier_id not in mine
    ]
    if strangers:
        raise NotYourSupplier(errors=strangers)
    return skus
