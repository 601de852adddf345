"""What is in the barn, how much of it is promised, and every piece that ever came or went."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

MOVEMENT_KINDS = ("received", "counted", "sold", "returned")


class StockItem(SQLModel, table=True):
    """Pieces of one SKU that can be sold. A row of its own: selling locks this and nothing that a visitor reads."""

    __tablename__ = "stock_item"
    __table_args__ = (
        CheckConstraint("on_hand_pieces >= 0", name="on_hand_not_negative"),
        CheckConstraint("held_pieces BETWEEN 0 AND on_hand_pieces", name="never_promise_more_than_there_is"),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    sku_id: UUID = Field(foreign_key="sku.id", primary_key=True)
    on_hand_pieces: int = Field(default=0, sa_type=BigInteger)
    held_pieces: int = Field(default=0, sa_type=BigInteger)


class StockHold(SQLModel, table=True):
    """Pieces promised to one order until it is paid or expires. The sum of open holds is `held_pieces`."""

    __tablename__ = "stock_hold"
    __table_args__ = (
        one_of("state", ("held", "committed", "released")),
        CheckConstraint("pieces > 0", name="has_pieces"),
    )

    order_id: UUID = Field(primary_key=True)
    sku_id: UUID = Field(foreign_key="stock_item.sku_id", primary_key=True)
    pieces: int = Field(sa_type=BigInteger)
    state: str = "held"


class StockMovement(SQLModel, table=True):
    """A change of what is in the barn. Append-only: the sum of a SKU's movements is what is on hand.

    `reference` names what caused it once (an import row, an order, a refund), so nothing moves twice.
    """

    __tablename__ = "stock_movement"
    __table_args__ = (
        one_of("kind", MOVEMENT_KINDS),
        CheckConstraint("pieces <> 0", name="moves_something"),
        UniqueConstraint("reference", "sku_id", "kind"),
        Index("ix_stock_movement_sku", "sku_id", "at"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    sku_id: UUID = Field(foreign_key="stock_item.sku_id")
    kind: str
    pieces: int = Field(sa_type=BigInteger)
    reference: str
    actor_id: UUID | None = None
    at: datetime = Field(sa_type=Moment)
