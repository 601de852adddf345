"""Kitchens: who pays for them and when, what they order again and again, and the papers that came with the goods."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Moment, one_of
from shop.organisation.models import never_twice

PAYER_KINDS = ("canteen", "contractor")
PAPER_KINDS = ("conformity", "quarantine", "inspection", "delivery_note")


class CanteenContract(SQLModel, table=True):
    """Who buys for a canteen from one day to another: the canteen itself or a contractor. The unit is credited anyway.

    `payer_id`: the canteen's id, or the contractor's. `credit_days`: days to pay after acceptance. Where goods go
    stands here too. A new contract ends the old one; none is altered.
    """

    __tablename__ = "canteen_contract"
    __table_args__ = (
        one_of("payer_kind", PAYER_KINDS),
        never_twice("canteen_contract_never_two", "canteen_id"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
        CheckConstraint("credit_days BETWEEN 0 AND 180", name="credit_days_in_range"),
    )

    id: UUID = Field(primary_key=True)
    canteen_id: UUID = Field(foreign_key="canteen.id")
    payer_kind: str
    payer_id: UUID
    payer_name: str
    invoice_title: str
    tax_number: str | None = None
    credit_days: int
    contact_name: str
    contact_phone: str
    region_code: str
    street: str
    valid_from: date
    valid_to: date | None = None
    source: str


class CanteenList(SQLModel, table=True):
    """A list to order from again. `version` counts its changes, so that two people do not overwrite each other."""

    __tablename__ = "canteen_list"
    __table_args__ = (UniqueConstraint("canteen_id", "name"),)

    id: UUID = Field(primary_key=True)
    canteen_id: UUID = Field(foreign_key="canteen.id")
    name: str
    version: int = 1
    changed_by: UUID
    changed_at: datetime = Field(sa_type=Moment)


class CanteenListLine(SQLModel, table=True):
    """So much of a SKU, in milli-pieces: of weighed goods, a piece is one priced weight unit (500 g or 1 kg)."""

    __tablename__ = "canteen_list_line"
    __table_args__ = (CheckConstraint("milli > 0", name="has_pieces"), UniqueConstraint("list_id", "position"))

    list_id: UUID = Field(foreign_key="canteen_list.id", primary_key=True)
    sku_id: UUID = Field(foreign_key="sku.id", primary_key=True)
    position: int
    milli: int = Field(sa_type=BigInteger)


class CanteenOrder(SQLModel, table=True):
    """What is special about a canteen's order: which kitchen, under which contract, for which day.

    `supplements_id`: more of what another order brought; accepting more than was ordered needs one.
    """

    __tablename__ = "canteen_order"
    __table_args__ = (
        Index("ix_canteen_order_day", "canteen_id", "deliver_on"),
        CheckConstraint("supplements_id <> order_id", name="not_itself"),
        {"info": APPEND_ONLY},
    )

    order_id: UUID = Field(foreign_key="shop_order.id", primary_key=True)
    canteen_id: UUID = Field(foreign_key="canteen.id")
    contract_id: UUID = Field(foreign_key="canteen_contract.id")
    list_id: UUID | None = None
    supplements_id: UUID | None = Field(default=None, foreign_key="canteen_order.order_id")
    deliver_on: date
    credit_days: int


class CanteenPaper(SQLModel, table=True):
    """A paper that came with a delivery: of one accepted line and its batch. The file is known by its sha256."""

    __tablename__ = "canteen_paper"
    __table_args__ = (
        one_of("kind", PAPER_KINDS),
        ForeignKeyConstraint(
            ["acceptance_id", "line_id", "payer_share_id"],
            ["acceptance_line.acceptance_id", "acceptance_line.line_id", "acceptance_line.payer_share_id"],
        ),
        UniqueConstraint("acceptance_id", "line_id", "kind", "evidence_sha256"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    acceptance_id: UUID = Field(foreign_key="acceptance.id")
    line_id: UUID
    payer_share_id: UUID
    kind: str
    batch_number: str
    number: str | None = None
    evidence_sha256: str
    added_by: UUID
    added_at: datetime = Field(sa_type=Moment)


class ReservedShareRule(SQLModel, table=True):
    """How much of a budget unit's yearly canteen purchases is reserved for the 832 platform: nationally (province
    null) at least 10 %, in some provinces 15 to 20 %. Dated, with its source.
    """

    __tablename__ = "reserved_share_rule"
    __table_args__ = (
        CheckConstraint("basis_points BETWEEN 0 AND 10000", name="share_in_range"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
        UniqueConstraint("province", "valid_from", postgresql_nulls_not_distinct=True),
    )

    id: UUID = Field(primary_key=True)
    province: str | None = None
    basis_points: int
    valid_from: date
    valid_to: date | None = None
    source: str


class ReservedShareDuty(SQLModel, table=True):
    """A budget unit that must keep the reserved share in a year, and what its canteens plan to buy in it.

    A unit without a row has no such duty: a bank has none.
    """

    __tablename__ = "reserved_share_duty"
    __table_args__ = (CheckConstraint("planned_fen > 0", name="positive"),)

    unit_id: UUID = Field(foreign_key="unit.id", primary_key=True)
    fiscal_year: int = Field(primary_key=True)
    planned_fen: int = Field(sa_type=Fen)
    source: str
