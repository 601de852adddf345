"""The second person says yes: what was shown holds from now on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.price.change_price import change_prices, prices_before
from catalog.product.add_document import AS_NAMED, NewDocument, add_documents
from catalog.product.change_shown import change_shown
from catalog.product.shelf import SHOWN, on_shelf
from catalog.review.find import ReviewStale, find_review, require_platform, require_waiting
from catalog.review.item import PAPERS, PRICE, Item, read_items, said
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import SecondPersonNeeded

_APPROVE = text("""
UPDATE product_review SET state = 'approved', decided_by = :actor, decided_at = :now
WHERE id = :id AND state = 'waiting'
""")


async def approve(session: WriteSession, *, actor: Actor, review_id: UUID, now: datetime) -> None:
    """Exactly the changes that the review shows, all of them, and only while the product still is what it shows.

    A price for a later moment holds from then on; one whose moment has passed, from now on. What the same person
    approved before is done. Raises NotFound, NotAllowed for a supplier, SecondPersonNeeded for an author,
    ReviewDecided, ReviewStale, and OriginCountyRequired when the new origin has no code any more.
    """
    review = await find_review(session, actor, review_id)
    require_platform(actor)
    if review.state == "approved" and review.decided_by == actor.user_id:
        return
    require_waiting(review)
    if actor.user_id in review.author_ids:
        raise SecondPersonNeeded("这些内容是您提交的，请另一位有权限的同事审核；您也可以撤回。")
    items = read_items(review.items)
    await session.execute(_APPROVE, {"id": review_id, "actor": actor.user_id, "now": now})
    await _carry_out(session, actor, review, items, now)
    before, after = said(items)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="product_review.approve",
        subject=f"product_review:{review_id}",
        before=before,
        after=after,
        now=now,
    )


async def _carry_out(
    session: WriteSession, actor: Actor, review: Row[Any], items: Sequence[Item], now: datetime
) -> None:
    shown = (await on_shelf(session, [review.product_id])).get(review.product_id)
    facts = [one for one in items if one.field in SHOWN]
    prices = [one for one in items if one.field == PRICE]
    requested = [one.price(now) for one in prices]
    if (
        shown is None
        or any(shown.facts[one.field] != one.before for one in facts)
        or await prices_before(session, requested, now=now) != [one.before for one in prices]
    ):
        raise ReviewStale("提交以后商品又有变化，没有改动任何内容；请退回，或由提交人按现在的商品重新提交。")
    if facts:
        changes = {one.field: one.after for one in facts}
        await change_shown(session, product_id=review.product_id, shown=shown, changes=changes, now=now)
    papers = [kind for one in items if one.field == PAPERS and isinstance(one.after, list) for kind in one.after]
    documents = [NewDocument(review.product_code, kind, AS_NAMED) for kind in papers]
    await add_documents(session, documents=documents, now=now)
    reference = f"review:{review.id}"
    await change_prices(session, actor=actor, prices=requested, now=now, reason=reference, reviewed=True)
