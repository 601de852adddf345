"""Dated prices, discounts that a seller gives, and what freight costs to where."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import Fen, Grams, Moment, one_of

PRICE_LIST_NAMES = {"retail": "零售", "member": "会员", "union": "工会", "campaign": "活动"}
PRICE_LISTS = tuple(PRICE_LIST_NAMES)


class Price(SQLModel, table=True):
    """What one piece costs on a list, from a quantity on, in [valid_from, valid_to). A new price closes the old row.

    `reviewed_fen`: what a second person last saw it cost, where small changes have moved it since; None: `fen` itself.
    Many small changes are so measured as one.
    """

    __tablename__ = "price"
    __table_args__ = (
        one_of("list", PRICE_LISTS),
        CheckConstraint("fen >= 0", name="not_negative"),
        CheckConstraint("min_quantity >= 1", name="from_one"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
        ExcludeConstraint(
            ("sku_id", "="),
            ("list", "="),
            ("min_quantity", "="),
            (text("tstzrange(valid_from, valid_to)"), "&&"),
            name="price_never_two",
            using="gist",
        ),
    )

    id: UUID = Field(primary_key=True)
    sku_id: UUID = Field(foreign_key="sku.id", index=True)
    list: str = "retail"
    min_quantity: int = Field(default=1, sa_type=BigInteger)
    fen: int = Field(sa_type=Fen)
    reviewed_fen: int | None = Field(default=None, sa_type=Fen)
    valid_from: datetime = Field(sa_type=Moment)
    valid_to: datetime | None = Field(default=None, sa_type=Moment)


class SellerDiscount(SQLModel, table=True):
    """A supplier takes `discount_fen` off once its goods in one order reach `threshold_fen`. It lowers credit."""

    __tablename__ = "seller_discount"
    __table_args__ = (
        CheckConstraint("discount_fen > 0 AND discount_fen <= threshold_fen", name="never_below_zero"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
    )

    id: UUID = Field(primary_key=True)
    supplier_id: UUID = Field(foreign_key="supplier.id", index=True)
    threshold_fen: int = Field(sa_type=Fen)
    discount_fen: int = Field(sa_type=Fen)
    valid_from: date
    valid_to: date | None = None


class FreightRate(SQLModel, table=True):
    """Freight of one supplier to one region. `region` is a prefix of the division code ('' = everywhere else).

    The longest prefix wins. first_fen covers the first `first_grams`; each started `step_grams` costs `step_fen`;
    nothing from `free_from_fen` of goods on. `served` false means: cannot arrive there.
    """

    __tablename__ = "freight_rate"
    __table_args__ = (
        CheckConstraint("region ~ '^([0-9]{2}){0,3}$'", name="region_prefix"),
        CheckConstraint("first_grams > 0 AND step_grams > 0", name="has_steps"),
        CheckConstraint("first_fen >= 0 AND step_fen >= 0 AND free_from_fen >= 0", name="not_negative"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
        ExcludeConstraint(
            ("supplier_id", "="),
            ("region", "="),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="freight_never_two",
            using="gist",
        ),
    )

    id: UUID = Field(primary_key=True)
    supplier_id: UUID = Field(foreign_key="supplier.id")
    region: str
    served: bool = True
    first_grams: int = Field(sa_type=Grams)
    first_fen: int = Field(sa_type=Fen)
    step_grams: int = Field(sa_type=Grams)
    step_fen: int = Field(sa_type=Fen)
    free_from_fen: int | None = Field(default=None, sa_type=Fen)
    valid_from: date
    valid_to: date | None = None
