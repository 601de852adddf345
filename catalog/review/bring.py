"""Bring goods and prices: what one person may change is changed, the rest waits for a second one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from catalog.price.change_price import HeldPrice, NewPrice, change_prices
from catalog.product.add_document import AS_NAMED, NewDocument, add_documents, new_documents, products_by_code
from catalog.product.add_product import HeldFacts, NewProduct, add_products
from catalog.product.shelf import on_shelf
from catalog.review.ask import Asked, ask
from catalog.review.item import FACT_KEYS, PAPERS, Item, Key, item_of_price, items_of_facts, price_key
from shop.access.permissions import Actor
from shop.core.database import WriteSession

_SKUS = text("SELECT code, product_id FROM sku WHERE code = ANY(:codes)")
_NO_PAPERS: Final[Mapping[str, Sequence[str]]] = {}


@dataclass(frozen=True, slots=True)
class Brought:
    """product_ids: in the order of the products; waiting: those of which something waits."""

    product_ids: list[UUID]
    waiting: list[Asked]


async def bring(
    session: WriteSession,
    *,
    actor: Actor | None,
    products: Sequence[NewProduct] = (),
    papers: Mapping[str, Sequence[str]] = _NO_PAPERS,
    prices: Sequence[NewPrice] = (),
    reference: str,
    now: datetime,
) -> Brought:
    """A product says all its facts; a price is one of its SKU's. papers: kinds by product code, as a table names them.

    Nothing waits of goods that were never listed. The owner's shell (actor None) waits like everybody.
    Raises what `add_products`, `add_documents` and `change_prices` raise.
    """
    by = actor.user_id if actor else None
    facts: list[HeldFacts] = []
    held_prices: list[HeldPrice] = []
    ids = await add_products(session, actor=actor, products=products, now=now, held=facts) if products else []
    spoken: dict[UUID, set[Key]] = defaultdict(set)
    items: dict[UUID, list[Item]] = defaultdict(list)
    for product_id in ids:
        spoken[product_id] |= FACT_KEYS
    for one in facts:
        items[one.product_id] += items_of_facts(one, by)
    for product_id, new in (await _papers(session, papers, now)).items():
        items[product_id].append(Item(PAPERS, [], new, by))
    await change_prices(session, actor=actor, prices=prices, now=now, reason=reference, held=held_prices)
    skus = await session.execute(_SKUS, {"codes": sorted({one.sku_code for one in prices})})
    product_of = {row.code: row.product_id for row in skus}
    for price in prices:
        spoken[product_of[price.sku_code]].add(price_key(price))
    for held in held_prices:
        items[held.product_id].append(item_of_price(held, by))
    waiting = await ask(session, actor=actor, spoken=spoken, items=items, reference=reference, now=now)
    return Brought(ids, waiting)


async def _papers(session: WriteSession, papers: Mapping[str, Sequence[str]], now: datetime) -> dict[UUID, list[str]]:
    """Keep what a table names; of goods that have been on the shelf, the new kinds that wait."""
    if not papers:
        return {}
    ids = {code: found[0] for code, found in (await products_by_code(session, list(papers), "code")).items()}
    shelf = await on_shelf(session, ids.values())
    named = [NewDocument(code, kind, AS_NAMED) for code, kinds in papers.items() for kind in kinds]
    await add_documents(session, documents=[one for one in named if ids[one.product_code] not in shelf], now=now)
    held: dict[UUID, list[str]] = defaultdict(list)
    for one in await new_documents(session, [one for one in named if ids[one.product_code] in shelf]):
        held[ids[one.product_code]].append(one.kind)
    return held
