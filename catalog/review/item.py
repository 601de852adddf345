"""One thing that waits: a fact of the product, its papers, or one of its prices."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from catalog.price.change_price import HeldPrice, NewPrice
from catalog.product.add_product import HeldFacts
from catalog.product.shelf import SHOWN

Said = str | int | bool | list[str] | None
Key = tuple[str, str | None, str | None, int | None]
PAPERS: Final = "papers"
PRICE: Final = "price"
NAMES: Final = {
    "title": "名称", "producer": "生产者", "origin_county_code": "产地县", "made_county_code": "加工地县",
    "certification": "认证", "spec": "规格", "net_grams": "净重", "weighed": "称重计价", PAPERS: "证照", PRICE: "单价",
}  # fmt: skip


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """field: one of NAMES. before, after: producers by name, counties by code, prices in fen, papers by kind (after:
    those that come in addition). by: who wants it; None: the owner's shell.

    Of a price: which; before None: there was none for that quantity. valid_from: not before this moment.
    """

    field: str
    before: Said
    after: Said
    by: UUID | None = None
    sku_code: str | None = None
    list: str | None = None
    min_quantity: int | None = None
    valid_from: datetime | None = None

    @property
    def key(self) -> Key:
        """What it is about: of one thing the last word counts."""
        return self.field, self.sku_code, self.list, self.min_quantity

    @property
    def content(self) -> bytes:
        """What is wanted, whoever wants it."""
        return msgspec.json.encode(msgspec.structs.replace(self, by=None))

    def price(self, now: datetime) -> NewPrice:
        """Of a price: as it would be set now."""
        begins = self.valid_from if self.valid_from is not None and self.valid_from > now else None
        assert self.sku_code and self.list and self.min_quantity and isinstance(self.after, int)  # noqa: S101, PT018
        return NewPrice(self.sku_code, self.after, self.list, self.min_quantity, begins)


FACT_KEYS: Final = frozenset[Key]((name, None, None, None) for name in (*SHOWN, PAPERS))


def price_key(price: NewPrice) -> Key:
    return PRICE, price.sku_code, price.list, price.min_quantity


def items_of_facts(held: HeldFacts, by: UUID | None) -> list[Item]:
    return [Item(name, old, new, by) for name, (old, new) in held.changes.items()]


def item_of_price(held: HeldPrice, by: UUID | None) -> Item:
    one = held.price
    return Item(PRICE, held.before_fen, one.fen, by, one.sku_code, one.list, one.min_quantity, one.valid_from)


def read_items(stored: object) -> list[Item]:
    return msgspec.convert(stored, list[Item])


def said(items: Iterable[Item]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Before and after, for the journal of changes."""
    named = [(":".join(str(part) for part in one.key if part is not None), one) for one in items]
    return {name: one.before for name, one in named}, {name: one.after for name, one in named}
