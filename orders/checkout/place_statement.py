"""The one statement that places a shop order: its answer kept, its rows written, the cart emptied, the stock promised.

It checks again what may have changed since the facts were read: a price, a paper or a product that holds no longer
leaves `price_id` empty, which the column refuses; stock that is short breaks the CHECK of `stock_item`. Each step is
its owner's. Inserts first, stock last: the rows that other buyers want are locked for the shortest time, in SKU order.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.campaign.entitled import holds
from catalog.stock import moving
from orders.cart.empty import EMPTY
from orders.checkout.quote import Quote
from orders.checkout.rows import Asked
from orders.order import write
from orders.order.rows import OrderRows
from shop.core import idempotency
from shop.core.window import in_force

PARTS: Final = ("answer", *write.PARTS, "versions", "from_cart", "stock")
"""What the statement is given, each as a JSON text, and after them `now` and the business day."""
_STILL: Final = f"""(
    SELECT p.id FROM price p WHERE p.id = r.price_id AND p.fen = r.unit_price_fen AND {holds("p", "{now}")}
        AND (SELECT yes FROM fresh)
        AND EXISTS (SELECT FROM product g WHERE g.id = r.product_id AND g.state = 'listed')
        AND NOT EXISTS (
            SELECT FROM sku_content c JOIN sku s ON s.id = c.stock_sku_id JOIN document f ON f.product_id = s.product_id
            WHERE c.sku_id = r.sku_id AND f.kind IN ('licence', 'conformity', 'inspection')
            GROUP BY f.product_id, f.kind
            HAVING NOT bool_or({in_force("f", "{day}", unknown=True)})))"""  # noqa: S608  # our own words
_WRITTEN: Final = """(SELECT count(*) FROM remembered) + (SELECT count(*) FROM lined) + (SELECT count(*) FROM frozen)
        + (SELECT count(*) FROM divided) > 0"""


def _placing(given: dict[str, str]) -> str:
    """given: each of PARTS, `now` and `day` as the bind parameter of its type."""
    steps = [
        f"remembered AS ({idempotency.REMEMBER})",
        """fresh AS (
    SELECT count(*) = 0 AS yes FROM jsonb_to_recordset({versions}) AS r(product_id uuid, changed_at timestamptz)
    JOIN product g ON g.id = r.product_id WHERE g.changed_at <> r.changed_at
)""",
        write.INSERTS.replace("{price_id}", _STILL),
        f"emptied AS ({EMPTY})",
        """requested AS (
    SELECT r.sku_id, r.pieces, o.id AS order_id
    FROM ordered o, jsonb_to_recordset({stock}) AS r(sku_id uuid, pieces bigint)
)""",
    ]
    given |= {"owner": "(SELECT buyer_id FROM ordered)", "after": _WRITTEN}
    return ("WITH " + ", ".join([*steps, moving.HOLD])).format(**given)


PLACE: Final = _placing(
    {part: f"${number}::jsonb" for number, part in enumerate(PARTS, 1)}
    | {"now": f"${len(PARTS) + 1}::timestamptz", "day": f"${len(PARTS) + 2}::date"}
)
"""For the driver, with positions."""
PLACE_IN_SESSION: Final = text(
    _placing(
        {part: f"CAST(:{part} AS jsonb)" for part in PARTS}
        | {"now": "CAST(:now AS timestamptz)", "day": "CAST(:day AS date)"}
    )
)
"""The same inside a transaction."""


def given_of(rows: OrderRows, quoted: Quote, asked: Asked, answer: bytes) -> dict[str, str]:
    """Each of PARTS as JSON text."""
    stock: dict[UUID, int] = {}
    versions: dict[UUID, datetime] = {}
    for line in quoted.lines:
        for piece in line.pieces:
            content = piece.content
            stock[content.stock_sku_id] = stock.get(content.stock_sku_id, 0) + content.pieces * line.quantity
            versions[content.product_id] = content.changed_at
    others: dict[str, object] = {
        "answer": idempotency.remembered(
            actor_id=asked.actor.user_id, key=asked.key, request_sha256=asked.request_sha256, answer=answer,
            now=asked.now,
        ),
        "versions": [{"product_id": product_id, "changed_at": at} for product_id, at in versions.items()],
        "from_cart": [] if asked.requested.lines else [line.sku_id for line in rows.lines],
        "stock": [{"sku_id": sku_id, "pieces": pieces} for sku_id, pieces in stock.items()],
    }  # fmt: skip
    return write.as_json(rows) | {part: msgspec.json.encode(value).decode() for part, value in others.items()}
