"""A review for whoever may know of it, locked with its product."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.producer.scope import supplier_ids
from shop.access.permissions import Actor, Permission
from shop.core.database import WriteSession
from shop.core.errors import NotAllowed, NotFound, Problem


class ReviewStale(Problem):
    """What was shown to who decides is not what would change. Nothing was saved."""

    status = 409
    code = "review_stale"
    title = "商品或申请已经变化，请看新的对照"


class ReviewDecided(Problem):
    status = 409
    code = "review_decided"
    title = "这个申请已经处理过"


_PRODUCT = text("""
SELECT p.id FROM product_review r JOIN product p ON p.id = r.product_id
WHERE r.id = :id AND (CAST(:mine AS uuid[]) IS NULL OR p.supplier_id = ANY(:mine))
""")
_LOCK = text("SELECT id FROM product WHERE id = :id FOR NO KEY UPDATE")
_REVIEW = text("""
SELECT r.id, r.product_id, r.items, r.state, r.author_ids, r.decided_by, p.code AS product_code,
    (SELECT n.id FROM product_review n WHERE n.product_id = r.product_id AND n.state = 'waiting') AS waiting_id
FROM product_review r JOIN product p ON p.id = r.product_id WHERE r.id = :id FOR UPDATE OF r
""")


def decides(actor: Actor) -> bool:
    """The platform: whoever answers for the goods of all suppliers, as for listing them."""
    return supplier_ids(actor, Permission.PRODUCT_WRITE) is None


async def find_review(session: WriteSession, actor: Actor, review_id: UUID) -> Row[Any]:
    """The review of goods within the actor's reach; the product is locked first, as by whoever brings goods.

    Raises NotFound.
    """
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    visible = {"id": review_id, "mine": None if mine is None else sorted(mine)}
    product_id = await session.scalar(_PRODUCT, visible)
    if product_id is None:
        raise NotFound("没有这个审核申请，或者它不在您的管理范围内。")
    await session.execute(_LOCK, {"id": product_id})
    return (await session.execute(_REVIEW, {"id": review_id})).one()


def require_waiting(review: Row[Any]) -> None:
    """Raises ReviewStale when another one has taken its place, ReviewDecided."""
    if review.state == "replaced":
        newer = {"waiting_review_id": str(review.waiting_id)} if review.waiting_id else {}
        raise ReviewStale("提交人后来又改过，这一份已被取代；请刷新列表，按最新的一份处理。", extra=newer)
    if review.state != "waiting":
        raise ReviewDecided("请刷新页面查看结果。")


def require_platform(actor: Actor) -> None:
    """Raises NotAllowed."""
    if not decides(actor):
        raise NotAllowed("上架商品的修改由平台审核，供应商只能撤回自己的申请。")
