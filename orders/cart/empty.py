"""What was ordered lies in the cart no longer."""

from typing import Final

EMPTY: Final = "DELETE FROM cart_line WHERE owner_id = {owner} AND {from_cart} ? sku_id::text"
"""A step of the statement that places an order. {owner}: SQL of whose cart; {from_cart}: SKU ids as a jsonb array."""
