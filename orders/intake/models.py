"""Sales made elsewhere: whose statement it was, what each row became, and who else claims it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from orders.credit.models import CREDIT_KINDS
from orders.funds.source import FUND_SOURCES
from orders.intake.row import SAME_NUMBER
from shop.core.database import APPEND_ONLY, Fen, Grams, Moment, one_of
from shop.sheet.words import NOT_COUNTED

CHANNEL_KINDS = (
    "platform", "marketplace", "sister_platform", "pavilion", "cabinet", "fair", "direct_contract",
)  # fmt: skip
ORIGINS = ("file", "pull", "offline")
BATCH_STATES = ("refused", "staged", "confirmed", "rejected")
ROW_STATES = ("wrong", "staged", "entered", "repeated", "held", "set_aside")
SET_ASIDE = (*NOT_COUNTED, "total", "ruler", "note", "summary")
ROW_TYPES = ("sale", "refund")
EVIDENCE_KINDS = ("bank_record", "e_invoice", "document")
CLAIM_STATES = ("open", "first", "later")


class SalesChannel(SQLModel, table=True):
    """Where goods are sold besides this shop. `columns`: how its statement names what we ask for, a row each
    (`{field, titles, blank, words}`). `pull_url`: where its rows can be fetched.
    """

    __tablename__ = "sales_channel"
    __table_args__ = (
        one_of("kind", CHANNEL_KINDS),
        CheckConstraint("code ~ '^[a-z][a-z0-9_]*$' AND code <> 'shop'", name="code_is_plain"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
    )

    code: str = Field(primary_key=True)
    position: int
    name: str
    kind: str
    columns: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    pull_url: str | None = None
    valid_from: date
    valid_to: date | None = None


class ChannelCursor(SQLModel, table=True):
    """Up to where a channel's rows were fetched: moved on in the transaction that keeps them."""

    __tablename__ = "channel_cursor"

    channel_code: str = Field(primary_key=True, foreign_key="sales_channel.code")
    cursor: str
    pulled_at: datetime = Field(sa_type=Moment)


class IntakeBatch(SQLModel, table=True):
    """A statement that was handed in, entered all or not at all when another person than its uploader confirms it.

    `uploaded_by` blank: the shop itself, from its command line or a pull. `evidence_*`: the paper that proves all of
    its rows; the confirmer has looked at it. `acknowledged_columns`: what nobody read, as the uploader said.
    `unit_id`: the uploader's desk, whose colleagues decide a batch of which no row names a unit.
    """

    __tablename__ = "intake_batch"
    __table_args__ = (
        one_of("origin", ORIGINS),
        one_of("state", BATCH_STATES),
        one_of("evidence_kind", EVIDENCE_KINDS),
        CheckConstraint("decided_by <> uploaded_by", name="another_person"),
        CheckConstraint("(state IN ('confirmed', 'rejected')) = (decided_by IS NOT NULL)", name="decided_by_somebody"),
        CheckConstraint("(evidence_sha256 IS NULL) = (evidence_kind IS NULL)", name="evidence_has_a_kind"),
        CheckConstraint("origin <> 'offline' OR evidence_sha256 IS NOT NULL", name="offline_has_a_photo"),
        Index(
            "uq_intake_batch_once",
            "channel_code",
            "file_sha256",
            unique=True,
            postgresql_where=text("state IN ('staged', 'confirmed')"),
        ),
        Index("ix_intake_batch_at", "uploaded_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    channel_code: str = Field(foreign_key="sales_channel.code")
    origin: str
    state: str
    file_name: str
    file_sha256: str
    rows: int
    errors: int
    evidence_sha256: str | None = Field(default=None, foreign_key="evidence.sha256")
    evidence_kind: str | None = None
    uploaded_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    uploaded_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
    decision: str | None = None
    acknowledged_columns: list[str] = Field(
        sa_column=Column(ARRAY(Text), nullable=False, server_default=text("ARRAY[]::text[]"))
    )
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id")


class IntakeRow(SQLModel, table=True):
    """A row as it came (`cells`), what is wrong in it (`errors`), what it says, and what became of it.

    Amounts of a refund are positive here. `wrong`: its batch was refused. `held`: `first_unit_id` has this sale
    already, which `claim_id` claims. `set_aside`: `why` says why (its order was closed, it is a total); blank `why`:
    a refund of a claim that was decided for the first. `asked`: kept as it is, and the second person should look.
    """

    __tablename__ = "intake_row"
    __table_args__ = (
        one_of("state", ROW_STATES),
        one_of("type", ROW_TYPES),
        one_of("credit_kind", CREDIT_KINDS),
        one_of("fund_source", FUND_SOURCES),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        CheckConstraint(
            "state = 'wrong' OR why IS NOT NULL OR (day IS NOT NULL AND unit_id IS NOT NULL)", name="read_whole"
        ),
        CheckConstraint("why IS NULL OR state = 'set_aside'", name="set_aside_with_a_reason"),
        one_of("why", SET_ASIDE),
        UniqueConstraint("batch_id", "number"),
        Index("ix_intake_row_claim", "claim_id", postgresql_where=text("claim_id IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    batch_id: UUID = Field(foreign_key="intake_batch.id")
    number: int
    state: str
    cells: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    errors: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    asked: list[dict[str, Any]] | None = Field(sa_column=Column(JSONB, server_default=text("'[]'")))
    """None where release 7d50459 staged it. The next release makes it NOT NULL."""
    why: str | None = None
    type: str | None = None
    external_number: str | None = None
    external_line: str | None = None
    refund_number: str | None = None
    credit_kind: str | None = None
    fund_source: str | None = None
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    invoice_number: str | None = None
    county_code: str | None = Field(default=None, foreign_key="county.code")
    producer_id: UUID | None = Field(default=None, foreign_key="producer.id")
    supplier_id: UUID | None = Field(default=None, foreign_key="supplier.id")
    product_id: UUID | None = None
    category: str | None = None
    quantity_milli: int | None = Field(default=None, sa_type=BigInteger)
    grams: int | None = Field(default=None, sa_type=Grams)
    amount_fen: int | None = Field(default=None, sa_type=Fen)
    day: date | None = None
    first_unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    claim_id: UUID | None = None


class OutsideSale(SQLModel, table=True):
    """A sale made elsewhere, once: (channel, number, line) never repeats. The id is its component in the credit.

    `unit_id`: who has it now. What was refunded never exceeds what was sold.
    """

    __tablename__ = "outside_sale"
    __table_args__ = (
        UniqueConstraint("channel_code", "external_number", "external_line", name="uq_outside_sale_once"),
        CheckConstraint("amount_fen > 0 AND grams >= 0 AND quantity_milli >= 0", name="sold_something"),
        CheckConstraint("refunded_fen BETWEEN 0 AND amount_fen", name="refund_within"),
        CheckConstraint("refunded_grams BETWEEN 0 AND grams", name="grams_within"),
        CheckConstraint("refunded_milli BETWEEN 0 AND quantity_milli", name="quantity_within"),
        Index(
            "ix_outside_sale_invoice", "invoice_number", "amount_fen",
            postgresql_where=text("invoice_number IS NOT NULL"),
        ),
        Index("ix_outside_sale_same", "channel_code", text(SAME_NUMBER.format("external_number"))),
    )  # fmt: skip

    id: UUID = Field(primary_key=True, foreign_key="attribution.id")
    row_id: UUID = Field(foreign_key="intake_row.id", unique=True)
    channel_code: str = Field(foreign_key="sales_channel.code")
    external_number: str
    external_line: str
    unit_id: UUID = Field(foreign_key="unit.id")
    invoice_number: str | None = None
    day: date
    amount_fen: int = Field(sa_type=Fen)
    grams: int = Field(sa_type=Grams)
    quantity_milli: int = Field(sa_type=BigInteger)
    refunded_fen: int = Field(default=0, sa_type=Fen)
    refunded_grams: int = Field(default=0, sa_type=Grams)
    refunded_milli: int = Field(default=0, sa_type=BigInteger)


class OutsideRefund(SQLModel, table=True):
    """A channel gave money back, once: its own number of the refund never repeats for a sale."""

    __tablename__ = "outside_refund"
    __table_args__ = (CheckConstraint("amount_fen > 0", name="moves_something"), {"info": APPEND_ONLY})

    sale_id: UUID = Field(primary_key=True, foreign_key="outside_sale.id")
    channel_code: str = Field(primary_key=True)
    refund_number: str = Field(primary_key=True)
    row_id: UUID = Field(foreign_key="intake_row.id", unique=True)
    amount_fen: int = Field(sa_type=Fen)
    grams: int = Field(sa_type=Grams)
    quantity_milli: int = Field(sa_type=BigInteger)
    day: date


class IntakeClaim(SQLModel, table=True):
    """A later row says a sale is its unit's own that is counted already: held, no entry, until a second person decides.

    `why`: the same line of the channel, or the same invoice and amount in another channel.
    """

    __tablename__ = "intake_claim"
    __table_args__ = (
        one_of("why", ("same_line", "same_invoice")),
        one_of("state", CLAIM_STATES),
        CheckConstraint("decided_by <> claimed_by", name="another_person"),
        CheckConstraint("(state = 'open') = (decided_by IS NULL AND decided_at IS NULL)", name="decided_by_somebody"),
        UniqueConstraint("channel_code", "external_number", "external_line", "unit_id", name="uq_intake_claim_once"),
        Index("ix_intake_claim_same", "channel_code", text(SAME_NUMBER.format("external_number"))),
        Index("ix_intake_claim_open", "opened_at", postgresql_where=text("state = 'open'")),
    )

    id: UUID = Field(primary_key=True)
    sale_id: UUID = Field(foreign_key="outside_sale.id", index=True)
    row_id: UUID = Field(foreign_key="intake_row.id", unique=True)
    why: str
    channel_code: str = Field(foreign_key="sales_channel.code")
    external_number: str
    external_line: str
    unit_id: UUID = Field(foreign_key="unit.id")
    first_unit_id: UUID = Field(foreign_key="unit.id")
    amount_fen: int = Field(sa_type=Fen)
    state: str = "open"
    claimed_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    opened_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
    reason: str | None = None
