"""A union's purchase, from plan to order. What was approved is a hash over its content: any change voids it."""

from datetime import date, datetime
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

import orders.bulk.people_models  # noqa: F401  # tables of this room
from orders.funds.source import UNION_FUNDS
from orders.spending.models import Festival, Purpose
from shop.core.database import APPEND_ONLY, Fen, Moment, one_of

BULK_STATES = (
    "draft", "quoting", "submitted", "approved", "rejected", "noticed", "ordered", "shipped", "accepted",
    "distributed", "archived", "cancelled",
)  # fmt: skip
TERMS = ("prepaid", "split_30_70", "after_acceptance")


class BulkPurchase(SQLModel, table=True):
    """A plan and what became of it. Its content is this row with packages, members, recipients, payers and sites.

    `unit_id`: the unit that the union buys for. `revision` counts changes of the content; `content_sha256` is that of
    the submitted revision. `members_as_of`: the cut-off day of the roster. `ship_on`: stock is held until then.
    `approvers_needed`, `notice_days` and `rule_line` repeat what the decision of the submitted revision said.
    """

    __tablename__ = "bulk_purchase"
    __table_args__ = (
        one_of("state", BULK_STATES),
        one_of("purpose", get_args(Purpose)),
        one_of("festival", get_args(Festival)),
        one_of("fund_source", UNION_FUNDS),
        one_of("procurement", ("quotes", "directed")),
        one_of("terms", TERMS),
        one_of("deliver_to", ("sites", "homes")),
        one_of("shared_by", ("packages", "headcount", "fixed")),
        CheckConstraint("purpose <> 'festival' OR festival IS NOT NULL", name="festival_named"),
        CheckConstraint("budget_fen > 0", name="budget_positive"),
        UniqueConstraint("requester_id", "idempotency_key"),
        UniqueConstraint("id", "requester_id"),
        Index("ix_bulk_purchase_union", "union_id", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    number: str = Field(unique=True)
    title: str
    union_id: UUID = Field(foreign_key="labour_union.id")
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    requester_id: UUID = Field(foreign_key="user_account.id")
    idempotency_key: str
    purpose: str
    festival: str | None = None
    fund_source: str = "union"
    fiscal_year: int
    budget_fen: int = Field(sa_type=Fen)
    members_as_of: date
    procurement: str = "quotes"
    directed_reason: str | None = None
    directed_minutes_sha256: str | None = None
    reference_price_fen: int | None = Field(default=None, sa_type=Fen)
    terms: str = "after_acceptance"
    deliver_to: str = "sites"
    shared_by: str = "packages"
    spare_pieces: int = 0
    choose_until: datetime | None = Field(default=None, sa_type=Moment)
    choices_frozen_at: datetime | None = Field(default=None, sa_type=Moment)
    ship_on: date
    state: str = "draft"
    revision: int = 1
    content_sha256: str | None = None
    decision_id: UUID | None = None
    approvers_needed: int | None = None
    notice_days: int | None = None
    rule_line: str | None = None
    order_id: UUID | None = Field(default=None, unique=True, foreign_key="shop_order.id")
    copied_from_id: UUID | None = Field(default=None, foreign_key="bulk_purchase.id")
    created_at: datetime = Field(sa_type=Moment)
    changed_at: datetime = Field(sa_type=Moment)


class BulkEvent(SQLModel, table=True):
    """A purchase reached a state, or skipped one by a rule with its reason. Append-only."""

    __tablename__ = "bulk_event"
    __table_args__ = (
        one_of("state", BULK_STATES),
        CheckConstraint("(skipped_by_rule_id IS NULL) OR (reason IS NOT NULL)", name="skips_say_why"),
        Index("ix_bulk_event_purchase", "purchase_id", "at"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    revision: int
    state: str
    actor_id: UUID | None = None
    skipped_by_rule_id: UUID | None = None
    reason: str | None = None
    at: datetime = Field(sa_type=Moment)


class BulkPackage(SQLModel, table=True):
    """What one member may choose; the default goes to those who did not choose."""

    __tablename__ = "bulk_package"
    __table_args__ = (
        UniqueConstraint("purchase_id", "position"),
        Index("uq_bulk_package_default", "purchase_id", unique=True, postgresql_where="is_default"),
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    position: int
    name: str
    is_default: bool = False
    is_private: bool = False


class BulkPackageLine(SQLModel, table=True):
    """So many pieces of a SKU in one package, at the price that the plan was made with."""

    __tablename__ = "bulk_package_line"
    __table_args__ = (CheckConstraint("pieces > 0 AND unit_price_fen >= 0", name="priced_pieces"),)

    package_id: UUID = Field(foreign_key="bulk_package.id", primary_key=True)
    sku_id: UUID = Field(foreign_key="sku.id", primary_key=True)
    pieces: int
    unit_price_fen: int = Field(sa_type=Fen)


class BulkPayer(SQLModel, table=True):
    """Who pays a part: a branch's union or unit. `unit_id` is the unit that is credited with what he pays.

    `weight`: pieces or headcount when computed, the agreed share when `shared_by` is fixed. `owns_spares`: spares
    belong to exactly one payer.
    """

    __tablename__ = "bulk_payer"
    __table_args__ = (
        one_of("payer_kind", ("union", "unit")),
        UniqueConstraint("purchase_id", "position"),
        UniqueConstraint("purchase_id", "unit_id"),
        Index("uq_bulk_payer_spares", "purchase_id", unique=True, postgresql_where="owns_spares"),
        CheckConstraint("weight >= 0", name="not_negative"),
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    position: int
    payer_kind: str
    payer_id: UUID
    payer_name: str
    unit_id: UUID = Field(foreign_key="unit.id")
    invoice_title: str
    tax_number: str | None = None
    weight: int = Field(default=0, sa_type=BigInteger)
    owns_spares: bool = False


class BulkSite(SQLModel, table=True):
    """Where goods of a branch go, and who takes them there. Name and phone can be erased."""

    __tablename__ = "bulk_site"
    __table_args__ = (UniqueConstraint("purchase_id", "name"),)

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    unit_id: UUID = Field(foreign_key="unit.id")
    name: str
    contact_name: str | None = None
    contact_phone: str | None = None
    region_code: str
    street: str


class BulkMember(SQLModel, table=True):
    """A member of the day, as the roster said: frozen name, branch and department. Name can be erased.

    `chosen_by`: self by the personal link, leader, default; `chooser_id`: the account of the leader who chose.
    `link_sha256`: digest of the personal link's secret.
    """

    __tablename__ = "bulk_member"
    __table_args__ = (
        one_of("chosen_by", ("self", "leader", "default")),
        Index("ix_bulk_member_branch", "purchase_id", "unit_id"),
        Index("uq_bulk_member_link", "link_sha256", unique=True),
    )

    purchase_id: UUID = Field(foreign_key="bulk_purchase.id", primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", primary_key=True)
    position: int
    staff_number: str | None = None
    name: str | None = None
    unit_id: UUID = Field(foreign_key="unit.id")
    department: str
    package_id: UUID | None = Field(default=None, foreign_key="bulk_package.id")
    chosen_by: str | None = None
    chooser_id: UUID | None = None
    chosen_at: datetime | None = Field(default=None, sa_type=Moment)
    link_sha256: str | None = None
    erased_at: datetime | None = Field(default=None, sa_type=Moment)


class BulkRecipient(SQLModel, table=True):
    """A row of the imported list: who gets how many of a package at which address. Personal columns can be erased.

    `row` is the row of the file; Σ quantities per package = pieces of the order.
    """

    __tablename__ = "bulk_recipient"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="has_pieces"),
        UniqueConstraint("purchase_id", "row"),
        Index("uq_bulk_recipient_phone", "purchase_id", "phone", unique=True, postgresql_where="phone IS NOT NULL"),
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    row: int
    person_id: UUID | None = Field(default=None, foreign_key="person.id")
    name: str | None = None
    phone: str | None = None
    region_code: str
    street: str | None = None
    unit_id: UUID = Field(foreign_key="unit.id")
    package_id: UUID = Field(foreign_key="bulk_package.id")
    quantity: int
    erased_at: datetime | None = Field(default=None, sa_type=Moment)


class BulkQuote(SQLModel, table=True):
    """A supplier's offer. No two of a purchase share a legal representative or bank account (nor an owner: below)."""

    __tablename__ = "bulk_quote"
    __table_args__ = (
        UniqueConstraint("purchase_id", "supplier_name"),
        UniqueConstraint("purchase_id", "credit_code"),
        UniqueConstraint("purchase_id", "legal_representative"),
        UniqueConstraint("purchase_id", "bank_account"),
        CheckConstraint("total_fen > 0", name="positive"),
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    supplier_id: UUID | None = Field(default=None, foreign_key="supplier.id")
    supplier_name: str
    credit_code: str
    legal_representative: str
    bank_account: str
    total_fen: int = Field(sa_type=Fen)
    quoted_on: date
    is_chosen: bool = False
    evidence_sha256: str | None = None
    created_at: datetime = Field(sa_type=Moment)


class BulkQuoteOwner(SQLModel, table=True):
    """An owner of a quoting supplier; the same one cannot stand behind two quotes."""

    __tablename__ = "bulk_quote_owner"

    purchase_id: UUID = Field(foreign_key="bulk_purchase.id", primary_key=True)
    owner: str = Field(primary_key=True)
    quote_id: UUID = Field(foreign_key="bulk_quote.id")


class BulkApproval(SQLModel, table=True):
    """One person's decision about one revision, bound to its content. Requester ≠ approver: the database's refusal."""

    __tablename__ = "bulk_approval"
    __table_args__ = (
        one_of("decision", ("approved", "rejected")),
        ForeignKeyConstraint(["purchase_id", "requester_id"], ["bulk_purchase.id", "bulk_purchase.requester_id"]),
        CheckConstraint("approver_id <> requester_id", name="duties_apart"),
        CheckConstraint("delegated_by <> requester_id", name="delegated_by_another"),
        CheckConstraint("decision = 'approved' OR reason IS NOT NULL", name="rejections_say_why"),
        UniqueConstraint("purchase_id", "revision", "step"),
        UniqueConstraint("purchase_id", "revision", "approver_id"),
        # Who approved for whom counts once: a delegate and the one who asked him are not two.
        Index("uq_bulk_approval_delegated", "purchase_id", "revision", "delegated_by", unique=True),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    revision: int
    step: int
    requester_id: UUID
    approver_id: UUID
    delegated_by: UUID | None = None
    decision: str
    content_sha256: str
    minutes_sha256: str | None = None
    reason: str | None = None
    at: datetime = Field(sa_type=Moment)


class ApprovalDelegation(SQLModel, table=True):
    """An approver lets another one decide for a union, from day to day, up to an amount."""

    __tablename__ = "approval_delegation"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="half_open"),
        CheckConstraint("delegate_id <> approver_id", name="another_person"),
        CheckConstraint("up_to_fen > 0", name="positive"),
    )

    id: UUID = Field(primary_key=True)
    union_id: UUID = Field(foreign_key="labour_union.id", index=True)
    approver_id: UUID = Field(foreign_key="user_account.id")
    delegate_id: UUID = Field(foreign_key="user_account.id")
    up_to_fen: int = Field(sa_type=Fen)
    valid_from: date
    valid_to: date
    evidence_sha256: str | None = None


class BulkNotice(SQLModel, table=True):
    """The plan is shown to everybody concerned, who may object until the period ends."""

    __tablename__ = "bulk_notice"
    __table_args__ = (
        UniqueConstraint("purchase_id", "revision"),
        CheckConstraint("open_until > opened_on", name="half_open"),
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    revision: int
    words: str
    opened_on: date
    open_until: date
    published_by: UUID
    published_at: datetime = Field(sa_type=Moment)


class BulkObjection(SQLModel, table=True):
    """Somebody objected; the purchase waits until it is answered by another person."""

    __tablename__ = "bulk_objection"
    __table_args__ = (
        CheckConstraint("answered_by IS NULL OR answer IS NOT NULL", name="answers_say_something"),
        CheckConstraint("answered_by <> raised_by", name="duties_apart"),
    )

    id: UUID = Field(primary_key=True)
    notice_id: UUID = Field(foreign_key="bulk_notice.id", index=True)
    raised_by: UUID
    words: str
    raised_at: datetime = Field(sa_type=Moment)
    answer: str | None = None
    answered_by: UUID | None = None
    answered_at: datetime | None = Field(default=None, sa_type=Moment)


class BulkChange(SQLModel, table=True):
    """A change of an order that was approved: late joiners, a substitution, a moved spare, its end.

    `terms` holds what changes, in the words of its kind. It takes effect when another person approved it.
    """

    __tablename__ = "bulk_change"
    __table_args__ = (
        one_of("kind", ("late_joiners", "substitution", "price_protection", "spare_moved", "cancellation")),
        one_of("state", ("requested", "approved", "rejected", "done")),
        CheckConstraint("approved_by <> requested_by", name="duties_apart"),
        UniqueConstraint("purchase_id", "number"),
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    number: int
    kind: str
    state: str = "requested"
    terms: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    content_sha256: str
    reason: str
    amount_fen: int = Field(default=0, sa_type=Fen)
    order_id: UUID | None = Field(default=None, foreign_key="shop_order.id")
    requested_by: UUID
    requested_at: datetime = Field(sa_type=Moment)
    approved_by: UUID | None = None
    approved_at: datetime | None = Field(default=None, sa_type=Moment)
