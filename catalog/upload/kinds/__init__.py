"""Every kind of the catalogue that can be imported; the counting rules' kind stands in `orders.credit.upload`."""

from typing import Any, Final

from catalog.upload.kind import Kind
from catalog.upload.kinds.county import COUNTIES, DESIGNATIONS, PAIRINGS
from catalog.upload.kinds.organisation import MEMBERS, UNIONS, UNITS
from catalog.upload.kinds.price import PRICES, STOCK
from catalog.upload.kinds.producer import PRODUCERS, RECOGNITIONS, SUPPLIERS
from catalog.upload.kinds.product import PRODUCTS

CATALOG_KINDS: Final[tuple[Kind[Any], ...]] = (
    COUNTIES,
    DESIGNATIONS,
    PAIRINGS,
    UNITS,
    UNIONS,
    MEMBERS,
    PRODUCERS,
    SUPPLIERS,
    PRODUCTS,
    PRICES,
    STOCK,
    RECOGNITIONS,
)
