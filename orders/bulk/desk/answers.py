"""What is told of a purchase. Money in fen."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Named:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class PackageLineOut:
    sku_id: UUID
    product_id: UUID
    title: str
    spec: str
    supplier: str
    counties: list[str]
    pieces: int
    unit_price_fen: int


@dataclass(frozen=True, slots=True)
class PackageOut:
    """members: who chose it, or get it by default."""

    id: UUID
    position: int
    name: str
    is_default: bool
    is_private: bool
    fen: int
    members: int
    lines: list[PackageLineOut]


@dataclass(frozen=True, slots=True)
class PayerOut:
    id: UUID
    unit: Named
    payer_kind: str
    payer_id: UUID
    payer_name: str
    invoice_title: str
    tax_number: str | None
    weight: int
    owns_spares: bool


@dataclass(frozen=True, slots=True)
class SiteOut:
    id: UUID
    unit: Named
    name: str
    contact_name: str | None
    contact_phone: str | None
    region_code: str
    street: str


@dataclass(frozen=True, slots=True)
class PurchaseQuoteOut:
    id: UUID
    supplier_name: str
    credit_code: str
    legal_representative: str
    total_fen: int
    quoted_on: date
    is_chosen: bool
    evidence_sha256: str | None


@dataclass(frozen=True, slots=True)
class ApprovalOut:
    revision: int
    approver: str | None
    delegated_by: str | None
    decision: str
    content_sha256: str
    minutes_sha256: str | None
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ObjectionOut:
    id: UUID
    raised_by: UUID
    words: str
    raised_at: datetime
    answer: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticeOut:
    """open_until: the first day after the period."""

    words: str
    opened_on: date
    open_until: date
    objections: list[ObjectionOut]


@dataclass(frozen=True, slots=True)
class PurchaseChangeOut:
    id: UUID
    number: int
    kind: str
    state: str
    terms: dict[str, object]
    content_sha256: str
    reason: str
    amount_fen: int
    order_id: UUID | None
    requested_by: UUID
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class PurchaseEventOut:
    """skipped: a rule left the step out, for this reason."""

    revision: int
    state: str
    skipped: bool
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PurchaseShareOut:
    id: UUID
    payer_name: str
    unit_id: UUID | None
    is_spare: bool
    due_fen: int
    paid_fen: int
    payment_state: str
    transfer_code: str
    due_on: date | None


@dataclass(frozen=True, slots=True)
class PurchaseRuleOut:
    """line: per head, cap, assisted share and quotes, each with its source. refusals: why it could not be submitted."""

    decision_id: UUID
    allowed: bool
    line: str
    approvers_needed: int
    notice_days: int
    refusals: list[str]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class PurchaseOut:
    """missing: what has to happen before the next step, in words. goods_fen: packages and spares at plan prices."""

    id: UUID
    number: str
    title: str
    state: str
    revision: int
    content_sha256: str | None
    union: Named
    unit: Named
    requester: Named
    purpose: str
    festival: str | None
    fund_source: str
    fiscal_year: int
    budget_fen: int
    goods_fen: int
    assisted_fen: int
    members_as_of: date
    members: int
    spare_pieces: int
    procurement: str
    directed_reason: str | None
    directed_minutes_sha256: str | None
    reference_price_fen: int | None
    terms: str
    deliver_to: str
    shared_by: str
    choose_until: datetime | None
    choices_frozen_at: datetime | None
    ship_on: date
    order_id: UUID | None
    copied_from_id: UUID | None
    rule: PurchaseRuleOut | None
    packages: list[PackageOut]
    payers: list[PayerOut]
    sites: list[SiteOut]
    quotes: list[PurchaseQuoteOut]
    approvals: list[ApprovalOut]
    notice: NoticeOut | None
    changes: list[PurchaseChangeOut]
    events: list[PurchaseEventOut]
    shares: list[PurchaseShareOut]
    missing: list[str]
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class PurchaseBrief:
    id: UUID
    number: str
    title: str
    state: str
    union: str
    unit: str
    members: int
    budget_fen: int
    ship_on: date
    created_at: datetime
    waits_for_me: bool


@dataclass(frozen=True, slots=True)
class PurchaseList:
    items: list[PurchaseBrief]
    next_cursor: str | None
