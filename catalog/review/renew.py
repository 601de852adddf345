"""Ask again for what was sent back, taken back, or overtaken by another change: beside the shelf of now."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from catalog.price.change_price import prices_before
from catalog.product.add_document import AS_NAMED, NewDocument, new_documents
from catalog.product.shelf import on_shelf
from catalog.review.ask import ask
from catalog.review.find import ReviewDecided, find_review, require_waiting
from catalog.review.item import PAPERS, PRICE, Item, read_items
from shop.access.permissions import Actor
from shop.core.database import WriteSession


async def renew(session: WriteSession, *, actor: Actor, review_id: UUID, now: datetime) -> UUID:
    """The review that waits now: the same one when nothing has changed. Who asks again is an author of it too.

    A file cannot be brought twice, so this is how the same content comes back. Raises NotFound, ReviewStale for what
    has been replaced, ReviewDecided for what was approved or stands on the shelf by now.
    """
    review = await find_review(session, actor, review_id)
    if review.state not in {"rejected", "withdrawn"}:
        require_waiting(review)
    items = read_items(review.items)
    waiting = await ask(
        session,
        actor=actor,
        spoken={review.product_id: {one.key for one in items}},
        items={review.product_id: await _now(session, review.product_id, review.product_code, items, now)},
        reference=f"review:{review_id}",
        now=now,
        again=review_id,
    )
    if not waiting:
        raise ReviewDecided("货架上已经是这些内容，不需要再审核。")
    return waiting[0].review_id


async def _now(session: WriteSession, product_id: UUID, code: str, items: Sequence[Item], now: datetime) -> list[Item]:
    """What of it is still wanted, with what it would change today."""
    shelf = await on_shelf(session, [product_id])
    prices = [one for one in items if one.field == PRICE]
    requested = [one.price(now) for one in prices]
    before = dict(zip(prices, await prices_before(session, requested, now=now), strict=True))
    found = []
    for one in items:
        if one.field == PRICE:
            found.append(msgspec.structs.replace(one, before=before[one], valid_from=one.price(now).valid_from))
        elif one.field == PAPERS and isinstance(one.after, list):
            named = [NewDocument(code, kind, AS_NAMED) for kind in one.after]
            kinds = [paper.kind for paper in await new_documents(session, named)]
            found += [msgspec.structs.replace(one, after=kinds)] if kinds else []
        else:
            found.append(msgspec.structs.replace(one, before=shelf[product_id].facts[one.field]))
    return [one for one in found if one.before != one.after]
