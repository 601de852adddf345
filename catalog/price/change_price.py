"""A new price closes the old row and opens its own: what was asked on any day stays known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Row, text

from catalog.producer.scope import NotYourSupplier, supplier_ids
from catalog.product.touch import touch
from shop.access.permissions import Actor, Permission
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows


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


_SKUS = text("""
SELECT s.code, s.id, s.product_id, p.supplier_id FROM sku s JOIN product p ON p.id = s.product_id
WHERE s.code = ANY(:codes) ORDER BY s.id FOR NO KEY UPDATE OF s
""")
# For every new price: the row it falls into, and the start of the next one planned.
_AROUND = text("""
SELECT r.index, q.id, q.fen, q.valid_from,
    (SELECT min(n.valid_from) FROM price n WHERE (n.sku_id, n.list, n.min_quantity) = (r.sku_id, r.list, r.min_quantity)
        AND n.valid_from > r.valid_from) AS next_from,
    EXISTS (SELECT FROM price n
        WHERE (n.sku_id, n.list, n.min_quantity) = (r.sku_id, r.list, r.min_quantity)) AS priced_before
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(index int, sku_id uuid, list text, min_quantity bigint, valid_from timestamptz)
LEFT JOIN price q ON (q.sku_id, q.list, q.min_quantity) = (r.sku_id, r.list, r.min_quantity)
    AND q.valid_from <= r.valid_from AND (q.valid_to IS NULL OR q.valid_to > r.valid_from)
ORDER BY r.index
""")
_CLOSE = text("""
UPDATE price SET valid_to = r.valid_from
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(closes uuid, valid_from timestamptz) WHERE price.id = r.closes
""")
_OPEN = text("""
INSERT INTO price (id, sku_id, list, min_quantity, fen, valid_from, valid_to)
SELECT id, sku_id, list, min_quantity, fen, valid_from, next_from
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, sku_id uuid, list text, min_quantity bigint, fen bigint,
    valid_from timestamptz, next_from timestamptz)
""")


async def change_prices(
    session: WriteSession, *, actor: Actor | None, prices: Sequence[NewPrice], now: datetime, reason: str | None = None
) -> int:
    """Open new prices and close those they replace; how many changed. The price that already holds is no change.

    A new row ends where the next planned one begins. Only a SKU that had no price on that list may get one from the
    past. Raises UnknownSku, NotYourSupplier, PriceInThePast, PriceTwice; pointers are `/{row}/{field}`.
    """
    skus = await _skus(session, actor, prices)
    keys = [(one.sku_code, one.list, one.min_quantity, one.valid_from or now) for one in prices]
    if len({key[:3] for key in keys}) < len(keys):
        twice = [i for i, key in enumerate(keys) if key[:3] in {other[:3] for other in keys[:i]}]
        raise PriceTwice(
            errors=[
                Detail(f"/{i}/sku_code", PriceTwice.code, f"规格 {keys[i][0]} 重复出现，请分两次导入") for i in twice
            ]
        )
    documents = [
        {
            "sku_id": str(skus[one.sku_code].id),
            "list": one.list,
            "min_quantity": one.min_quantity,
            "fen": one.fen,
            "valid_from": (one.valid_from or now).isoformat(),
            "id": str(new_id()),
        }
        for one in prices
    ]
    around = (await session.execute(_AROUND, {"rows": as_rows(documents)})).all()
    late = [
        Detail(f"/{i}/valid_from", PriceInThePast.code, f"规格 {one.sku_code} 已有价格，新价格不能早于现在")
        for i, (one, held) in enumerate(zip(prices, around, strict=True))
        if one.valid_from is not None and one.valid_from < now and held.priced_before and held.fen != one.fen
    ]
    late += [
        Detail(f"/{i}/valid_from", PriceInThePast.code, f"规格 {one.sku_code} 在这个时刻已经定过价，请换一个生效时间")
        for i, (one, held) in enumerate(zip(prices, around, strict=True))
        if held.valid_from == (one.valid_from or now) and held.fen != one.fen
    ]
    if late:
        raise PriceInThePast(errors=late)
    changed = [
        document
        | {"closes": None if held.id is None else str(held.id), "before": held.fen, "next_from": held.next_from}
        for document, held in zip(documents, around, strict=True)
        if held.fen != document["fen"]
    ]
    await _write(session, changed, actor=actor, reason=reason, now=now)
    changed_skus = {document["sku_id"] for document in changed}
    await touch(session, {row.product_id for row in skus.values() if str(row.id) in changed_skus}, now=now)
    return len(changed)


async def _write(
    session: WriteSession,
    changed: Sequence[dict[str, object]],
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


async def _skus(
    session: WriteSession, actor: Actor | None, prices: Sequence[NewPrice]
) -> dict[str, Row[tuple[object, ...]]]:
    """The SKUs, locked in order, so that two price changes of one SKU queue."""
    rows = await session.execute(_SKUS, {"codes": sorted({one.sku_code for one in prices})})
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
