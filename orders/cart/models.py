"""The cart: wishes, no promises. Prices and stock are asked for when it is shown and when the order is placed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import Moment


class CartLine(SQLModel, table=True):
    """So many pieces of a SKU in somebody's cart. `owner_id` is a user, or a visitor's random id before sign-in."""

    __tablename__ = "cart_line"
    __table_args__ = (CheckConstraint("quantity BETWEEN 1 AND 9999", name="quantity_in_range"),)

    owner_id: UUID = Field(primary_key=True)
    sku_id: UUID = Field(foreign_key="sku.id", primary_key=True)
    quantity: int = Field(sa_type=BigInteger)
    added_at: datetime = Field(sa_type=Moment, index=True)
