"""So many pieces of a SKU into somebody's cart. A cart is a wish: stock and price are asked for when it is shown."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem

QUANTITY_MAX = 9_999
LINES_MAX = 100


class UnknownSku(Problem):
    status = 422
    code = "unknown_sku"
    title = "没有这个商品规格"


class CartFull(Problem):
    status = 409
    code = "cart_full"
    title = "购物车满了"


_PUT = """
WITH known AS (SELECT id FROM sku WHERE id = :sku_id),
room AS (
    SELECT count(*) < :lines_max OR coalesce(bool_or(sku_id = :sku_id), false) AS left FROM cart_line
    WHERE owner_id = :owner_id
), written AS (
    INSERT INTO cart_line (owner_id, sku_id, quantity, added_at)
    SELECT :owner_id, known.id, :quantity, :now FROM known, room WHERE room.left
    ON CONFLICT (owner_id, sku_id) DO UPDATE SET quantity = {quantity}
    RETURNING 1
)
SELECT EXISTS (SELECT FROM known) AS known, EXISTS (SELECT FROM written) AS written
"""
_SET = text(_PUT.format(quantity="excluded.quantity"))
_ADD = text(_PUT.format(quantity="least(:quantity_max, cart_line.quantity + excluded.quantity)"))


async def put_line(session: WriteSession, *, owner_id: UUID, sku_id: UUID, quantity: int, now: datetime) -> None:
    """The line holds `quantity` pieces (1 … 9999) afterwards; the same again changes nothing.

    Raises UnknownSku; CartFull when it would be the 101st line.
    """
    await _write(session, owner_id, sku_id, quantity, now, add=False)


async def add_line(session: WriteSession, *, owner_id: UUID, sku_id: UUID, quantity: int, now: datetime) -> None:
    """`quantity` pieces more than before, 9999 at most. Raises as `put_line`."""
    await _write(session, owner_id, sku_id, quantity, now, add=True)


async def _write(
    session: WriteSession, owner_id: UUID, sku_id: UUID, quantity: int, now: datetime, *, add: bool
) -> None:
    facts = {"owner_id": owner_id, "sku_id": sku_id, "quantity": quantity, "now": now, "lines_max": LINES_MAX}
    found = await session.execute(_ADD if add else _SET, facts | ({"quantity_max": QUANTITY_MAX} if add else {}))
    outcome = found.one()
    if not outcome.known:
        raise UnknownSku("请从商品页重新选择规格。", [Detail("/sku_id", "unknown_sku", "没有这个规格")])
    if not outcome.written:
        raise CartFull(f"购物车最多放 {LINES_MAX} 种规格，请先结算或删除一些。")
