"""Who of the members took their goods, page by page as the roll was printed, and what was left over."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

OUTCOMES: Final = ("self", "proxy", "posted", "refused", "not_reached")


class RollRow(SQLModel, table=True):
    """A member of the day on a page of the roll. A page once drawn up keeps its rows: late joiners get pages after it.

    `outcome`: signed by oneself, by a proxy (who), posted (waybill), refused, not reached (why); none: not yet.
    `proxy_name` and `note` can be erased.
    """

    __tablename__ = "roll_row"
    __table_args__ = (
        one_of("outcome", OUTCOMES),
        CheckConstraint("outcome <> 'proxy' OR proxy_name IS NOT NULL OR erased_at IS NOT NULL", name="proxy_named"),
        CheckConstraint("outcome <> 'posted' OR waybill IS NOT NULL", name="waybill_given"),
        CheckConstraint("(outcome IS NULL) = (recorded_at IS NULL)", name="recorded_once_known"),
        Index("uq_roll_row_place", "purchase_id", "page", "line", unique=True),
    )

    purchase_id: UUID = Field(foreign_key="bulk_purchase.id", primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", primary_key=True)
    page: int
    line: int
    unit_id: UUID = Field(foreign_key="unit.id")
    department: str
    outcome: str | None = None
    proxy_name: str | None = None
    waybill: str | None = None
    note: str | None = None
    signed_on: date | None = None
    recorded_by: UUID | None = None
    recorded_at: datetime | None = Field(default=None, sa_type=Moment)
    erased_at: datetime | None = Field(default=None, sa_type=Moment)


class RollScan(SQLModel, table=True):
    """A signed page came back as a picture or PDF: it hangs at the page that its QR code names."""

    __tablename__ = "roll_scan"
    __table_args__ = (CheckConstraint("page > 0", name="a_page"), {"info": APPEND_ONLY})

    purchase_id: UUID = Field(foreign_key="bulk_purchase.id", primary_key=True)
    page: int = Field(primary_key=True)
    evidence_sha256: str = Field(primary_key=True)
    page_digest: str
    added_by: UUID = Field(foreign_key="user_account.id")
    added_at: datetime = Field(sa_type=Moment)


class RollLeftover(SQLModel, table=True):
    """Goods that nobody took, and what was decided about them; the minutes are kept by digest."""

    __tablename__ = "roll_leftover"
    __table_args__ = (
        CheckConstraint("pieces > 0", name="has_pieces"),
        CheckConstraint("length(decision) > 0", name="decided"),
        Index("ix_roll_leftover_purchase", "purchase_id"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    sku_id: UUID = Field(foreign_key="sku.id")
    pieces: int
    decision: str
    minutes_sha256: str
    recorded_by: UUID = Field(foreign_key="user_account.id")
    recorded_at: datetime = Field(sa_type=Moment)
