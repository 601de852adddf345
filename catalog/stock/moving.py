"""Pieces that are promised, leave the barn, or come back. Only buying, refunds, bulk orders and canteens may call this.

Rows of stock are always locked in SKU order and before they are changed, so sweeps, sales and buyers of the same goods
queue instead of deadlocking. Each verb is one statement, and doing it again changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Text, Uuid, bindparam, text

from shop.core.database import WriteSession


@dataclass(frozen=True, slots=True)
class Missing:
    """pieces: how many more of the SKU were asked for than are free."""

    sku_id: UUID
    pieces: int
    title: str
    spec: str


_ORDERS = bindparam("orders", type_=ARRAY(Uuid))

_LOCKED = """
sums AS (SELECT sku_id, sum(pieces)::bigint AS pieces FROM moved GROUP BY sku_id),
locked AS (
    SELECT i.sku_id, s.pieces FROM stock_item i JOIN sums s USING (sku_id) ORDER BY i.sku_id FOR NO KEY UPDATE OF i
)
"""

_COMMIT = text(f"""
WITH moved AS (
    UPDATE stock_hold SET state = 'committed' WHERE order_id = ANY(:orders) AND state = 'held'
    RETURNING order_id, sku_id, pieces
), {_LOCKED},
noted AS (
    INSERT INTO stock_movement (id, sku_id, kind, pieces, reference, at)
    SELECT gen_random_uuid(), sku_id, 'sold', -pieces, 'order:' || order_id || CASE WHEN EXISTS (
        SELECT FROM stock_movement s WHERE (s.reference, s.sku_id, s.kind) = ('order:' || m.order_id, m.sku_id, 'sold'))
        THEN ':' || CAST(:now AS timestamptz) ELSE '' END, CAST(:now AS timestamptz) FROM moved m
)
UPDATE stock_item i SET on_hand_pieces = i.on_hand_pieces - l.pieces, held_pieces = i.held_pieces - l.pieces
FROM locked l WHERE i.sku_id = l.sku_id
""").bindparams(_ORDERS)  # noqa: S608  # our own words

# Of each hold at most what it has; the last part of it closes it.
_COMMIT_PART = text(f"""
WITH given AS (
    SELECT h.sku_id, least(h.pieces, r.pieces) AS pieces, h.pieces AS held
    FROM unnest(:skus, :pieces) AS r(sku_id, pieces)
    JOIN stock_hold h ON h.order_id = :order AND h.sku_id = r.sku_id AND h.state = 'held'
), moved AS (
    UPDATE stock_hold h SET pieces = CASE WHEN g.held > g.pieces THEN g.held - g.pieces ELSE g.held END,
        state = CASE WHEN g.held > g.pieces THEN 'held' ELSE :closed END
    FROM given g WHERE h.order_id = :order AND h.sku_id = g.sku_id AND h.state = 'held'
    RETURNING g.sku_id, g.pieces
), {_LOCKED},
noted AS (
    INSERT INTO stock_movement (id, sku_id, kind, pieces, reference, at)
    SELECT gen_random_uuid(), sku_id, 'sold', -pieces, :reference, :now FROM moved WHERE :closed = 'committed'
)
UPDATE stock_item i SET held_pieces = i.held_pieces - l.pieces,
    on_hand_pieces = i.on_hand_pieces - CASE WHEN :closed = 'committed' THEN l.pieces ELSE 0 END
FROM locked l WHERE i.sku_id = l.sku_id
""").bindparams(  # noqa: S608  # our own words
    bindparam("order", type_=Uuid),
    bindparam("skus", type_=ARRAY(Uuid)),
    bindparam("pieces", type_=ARRAY(BigInteger)),
    bindparam("closed", type_=Text),
)

_RELEASE = text(f"""
WITH moved AS (
    UPDATE stock_hold SET state = 'released' WHERE order_id = ANY(:orders) AND state = 'held'
    RETURNING order_id, sku_id, pieces
), {_LOCKED}
UPDATE stock_item i SET held_pieces = i.held_pieces - l.pieces FROM locked l WHERE i.sku_id = l.sku_id
""").bindparams(_ORDERS)  # noqa: S608  # our own words

HOLD = """promised AS (
    INSERT INTO stock_hold (order_id, sku_id, pieces, state) SELECT order_id, sku_id, pieces, 'held' FROM requested
    RETURNING 1
), locked AS (
    SELECT i.sku_id, w.pieces FROM stock_item i JOIN requested w USING (sku_id)
    WHERE (SELECT count(*) FROM promised) + {after} ORDER BY i.sku_id FOR NO KEY UPDATE OF i
)
UPDATE stock_item i SET held_pieces = i.held_pieces + l.pieces FROM locked l WHERE i.sku_id = l.sku_id
"""
"""The end of a statement that promises pieces to an order: of `requested` (order_id, sku_id, pieces), an earlier step.

{after}: what is to be done before the stock is locked, as SQL that says how many rows were written, and `> 0`. More
than there is breaks the CHECK of `stock_item`.
"""
_GIVEN = "requested AS (SELECT CAST(:order AS uuid) AS order_id, r.* FROM unnest(:skus, :pieces) AS r(sku_id, pieces))"
_SKUS = (bindparam("skus", type_=ARRAY(Uuid)), bindparam("pieces", type_=ARRAY(BigInteger)))
_HOLD = text(f"WITH {_GIVEN}, " + HOLD.replace("{after}", "0 > 0")).bindparams(*_SKUS)  # our own words
_HOLD_OR_MISSING = text(f"""
WITH {_GIVEN}, seen AS MATERIALIZED (
    SELECT i.sku_id, w.order_id, w.pieces, i.on_hand_pieces - i.held_pieces AS free
    FROM stock_item i JOIN requested w USING (sku_id) ORDER BY i.sku_id FOR NO KEY UPDATE OF i
), promised AS (
    INSERT INTO stock_hold (order_id, sku_id, pieces, state)
    SELECT order_id, sku_id, pieces, 'held' FROM seen WHERE free >= pieces
), raised AS (
    UPDATE stock_item i SET held_pieces = i.held_pieces + l.pieces FROM seen l
    WHERE i.sku_id = l.sku_id AND l.free >= l.pieces
)
SELECT l.sku_id, l.pieces - l.free AS pieces, p.title, s.spec FROM seen l JOIN sku s ON s.id = l.sku_id
JOIN product p ON p.id = s.product_id WHERE l.free < l.pieces ORDER BY p.title, s.spec
""").bindparams(*_SKUS)  # noqa: S608  # our own words

_LOCK_FOR = text("""
SELECT i.sku_id FROM stock_item i JOIN stock_hold h USING (sku_id)
WHERE h.order_id = ANY(:orders) ORDER BY i.sku_id FOR NO KEY UPDATE OF i
""").bindparams(_ORDERS)

_HOLD_AGAIN = text("""
WITH enough AS (
    SELECT coalesce(bool_and(i.on_hand_pieces - i.held_pieces >= h.pieces), false) AS yes
    FROM stock_hold h JOIN stock_item i USING (sku_id) WHERE h.order_id = :order AND h.state = 'released'
), kept AS (
    UPDATE stock_hold h SET state = 'held' FROM enough
    WHERE h.order_id = :order AND h.state = 'released' AND enough.yes RETURNING h.sku_id, h.pieces
), raised AS (
    UPDATE stock_item i SET held_pieces = i.held_pieces + k.pieces FROM kept k WHERE i.sku_id = k.sku_id
)
SELECT yes FROM enough
""").bindparams(bindparam("order", type_=Uuid))

_HOLD_UNSOLD = text(f"""
WITH moved AS (
    UPDATE stock_hold SET state = 'held' WHERE order_id = ANY(:orders) AND state = 'committed'
    RETURNING order_id, sku_id, pieces
), {_LOCKED}
UPDATE stock_item i SET held_pieces = i.held_pieces + l.pieces FROM locked l WHERE i.sku_id = l.sku_id
""").bindparams(_ORDERS)  # noqa: S608  # our own words

_RETURN = text("""
WITH given AS (
    SELECT * FROM unnest(:skus, :pieces) AS r(sku_id, pieces)
), noted AS (
    INSERT INTO stock_movement (id, sku_id, kind, pieces, reference, at)
    SELECT gen_random_uuid(), sku_id, 'returned', pieces, :reference, :now FROM given WHERE pieces > 0
    ON CONFLICT (reference, sku_id, kind) DO NOTHING
    RETURNING sku_id, pieces
), locked AS (
    SELECT i.sku_id, n.pieces FROM stock_item i JOIN noted n USING (sku_id) ORDER BY i.sku_id FOR NO KEY UPDATE OF i
)
UPDATE stock_item i SET on_hand_pieces = i.on_hand_pieces + l.pieces FROM locked l WHERE i.sku_id = l.sku_id
""").bindparams(bindparam("skus", type_=ARRAY(Uuid)), bindparam("pieces", type_=ARRAY(BigInteger)))


_SELL_AGAIN = text("""
WITH requested AS (
    SELECT * FROM unnest(:skus, :pieces) AS r(sku_id, pieces)
), locked AS MATERIALIZED (
    SELECT i.sku_id, least(w.pieces, i.on_hand_pieces - i.held_pieces) AS pieces
    FROM stock_item i JOIN requested w USING (sku_id) ORDER BY i.sku_id FOR NO KEY UPDATE OF i
), noted AS (
    INSERT INTO stock_movement (id, sku_id, kind, pieces, reference, at)
    SELECT gen_random_uuid(), sku_id, 'sold', -pieces, :reference, :now FROM locked WHERE pieces > 0
    ON CONFLICT (reference, sku_id, kind) DO NOTHING
    RETURNING sku_id, -pieces AS pieces
)
UPDATE stock_item i SET on_hand_pieces = i.on_hand_pieces - n.pieces FROM noted n WHERE i.sku_id = n.sku_id
RETURNING i.sku_id, n.pieces
""").bindparams(bindparam("skus", type_=ARRAY(Uuid)), bindparam("pieces", type_=ARRAY(BigInteger)))


async def hold(session: WriteSession, *, order_id: UUID, pieces: dict[UUID, int]) -> None:
    """Promise pieces (SKU → pieces > 0) to a new order. More than there is breaks the CHECK of `stock_item`."""
    if pieces:
        await session.execute(_HOLD, {"order": order_id, "skus": list(pieces), "pieces": list(pieces.values())})


async def hold_or_missing(session: WriteSession, *, order_id: UUID, pieces: dict[UUID, int]) -> list[Missing]:
    """The same, and what is missing, by title: where anything is, the caller rolls back, since the rest is promised."""
    named = {"order": order_id, "skus": list(pieces), "pieces": list(pieces.values())}
    return [Missing(*row) for row in await session.execute(_HOLD_OR_MISSING, named)]


async def commit(session: WriteSession, *, order_ids: Sequence[UUID], now: datetime) -> None:
    """What was held for these orders is sold: it leaves the barn, with a movement each."""
    if order_ids:
        await session.execute(_COMMIT, {"orders": list(order_ids), "now": now})


async def commit_part(
    session: WriteSession, *, order_id: UUID, reference: str, pieces: dict[UUID, int], now: datetime
) -> None:
    """A part of what is held for an order is sold: these pieces (SKU → pieces > 0) leave the barn, once a reference.

    The caller holds the order's lock.
    """
    if pieces:
        await _part(session, order_id, pieces, reference, "committed", now)


async def release_part(session: WriteSession, *, order_id: UUID, pieces: dict[UUID, int], now: datetime) -> None:
    """A part of what is held for an order (SKU → pieces > 0) can be sold to others again. As above."""
    if pieces:
        await _part(session, order_id, pieces, "", "released", now)


async def _part(
    session: WriteSession, order_id: UUID, pieces: dict[UUID, int], reference: str, closed: str, now: datetime
) -> None:
    named = {"order": order_id, "skus": list(pieces), "pieces": list(pieces.values())}
    await session.execute(_COMMIT_PART, named | {"reference": reference, "closed": closed, "now": now})


async def release(session: WriteSession, *, order_ids: Sequence[UUID]) -> None:
    """What was held for these orders can be sold to others again."""
    if order_ids:
        await session.execute(_RELEASE, {"orders": list(order_ids)})


async def lock(session: WriteSession, *, order_ids: Sequence[UUID]) -> None:
    """Lock the stock of all these orders at once, in SKU order, before moving some of it in several steps."""
    await session.execute(_LOCK_FOR, {"orders": list(order_ids)})


async def hold_again(session: WriteSession, *, order_id: UUID) -> bool:
    """Hold once more what an expired order had released; False, and nothing held, when any of it is gone.

    Call `lock` before: what another buyer took while this waited must be seen.
    """
    held: bool = (await session.execute(_HOLD_AGAIN, {"order": order_id})).scalar_one()
    return held


async def hold_unsold(session: WriteSession, *, order_id: UUID) -> None:
    """What was sold to an order that is unpaid again is held for it. Call `take_back` before: it lies in the barn."""
    await session.execute(_HOLD_UNSOLD, {"orders": [order_id]})


async def take_back(session: WriteSession, *, reference: str, pieces: dict[UUID, int], now: datetime) -> None:
    """Pieces that had been sold but never left come back, once per reference. pieces: SKU → pieces (> 0)."""
    if pieces:
        await session.execute(
            _RETURN,
            {"skus": list(pieces), "pieces": list(pieces.values()), "reference": reference, "now": now},
        )


async def sell_again(
    session: WriteSession, *, reference: str, pieces: dict[UUID, int], now: datetime
) -> dict[UUID, int]:
    """Pieces that had come back are an order's again, as many of them as are free; which those are. Once a reference.

    pieces: SKU → pieces (> 0). What others hold or have bought stays theirs.
    """
    if not pieces:
        return {}
    named = {"skus": list(pieces), "pieces": list(pieces.values()), "reference": reference, "now": now}
    return {row.sku_id: row.pieces for row in await session.execute(_SELL_AGAIN, named)}
