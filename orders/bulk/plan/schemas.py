"""A plan as it is handed in. Money in fen; days are business days."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from orders.bulk.states import ChangeKind
from orders.funds.source import UnionFund
from orders.spending.models import Festival, Purpose
from shop.core.paging import NO_NUL
from shop.organisation.address_book import checked_street

FEN_MAX = 10**13
PIECES_MAX = 1_000_000
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)]
LongWords = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000, pattern=NO_NUL)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FenIn = Annotated[int, Field(strict=True, ge=0, le=FEN_MAX)]
PositiveFen = Annotated[int, Field(strict=True, ge=1, le=FEN_MAX)]
Pieces = Annotated[int, Field(strict=True, ge=1, le=PIECES_MAX)]

DayIn = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))]
MomentIn = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC))]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PackageLineIn(_In):
    """`unit_price_fen`: the price that the buyer saw; another one today is refused, a blank one takes today's."""

    sku_id: UUID
    pieces: Pieces
    unit_price_fen: FenIn | None = None


class PackageIn(_In):
    """What one member may choose. The first is the default where none says so."""

    name: Words
    is_default: bool = False
    is_private: bool = False
    lines: Annotated[list[PackageLineIn], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def each_once(self) -> Self:
        if len({line.sku_id for line in self.lines}) < len(self.lines):
            raise ValueError("同一规格请合并件数")
        return self


class PayerIn(_In):
    """Who pays for a branch. Blank: the union that serves the unit, else the unit itself. `weight`: of fixed shares."""

    unit_id: UUID
    payer_kind: Literal["union", "unit"] | None = None
    payer_id: UUID | None = None
    invoice_title: Words | None = None
    tax_number: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{15,20}$")] | None = None
    weight: Annotated[int, Field(strict=True, ge=0, le=10**12)] = 0
    owns_spares: bool = False


class SiteIn(_In):
    unit_id: UUID
    name: Words
    contact_name: Words | None = None
    contact_phone: Annotated[str, StringConstraints(max_length=40, pattern=NO_NUL)] | None = None
    region_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    street: Annotated[Words, AfterValidator(checked_street)]


class _Plan(_In):
    title: Words
    purpose: Purpose
    festival: Festival | None = None
    fund_source: UnionFund = "union"
    fiscal_year: Annotated[int, Field(strict=True, ge=2000, le=2100)] | None = None
    budget_fen: PositiveFen
    members_as_of: DayIn | None = None
    person_ids: Annotated[list[UUID], Field(min_length=1, max_length=100_000)] | None = None
    procurement: Literal["quotes", "directed"] = "quotes"
    directed_reason: LongWords | None = None
    directed_minutes_sha256: Digest | None = None
    reference_price_fen: PositiveFen | None = None
    terms: Literal["prepaid", "split_30_70", "after_acceptance"] = "after_acceptance"
    deliver_to: Literal["sites", "homes"] = "sites"
    shared_by: Literal["packages", "headcount", "fixed"] = "packages"
    spare_pieces: Annotated[int, Field(strict=True, ge=0, le=PIECES_MAX)] = 0
    choose_until: MomentIn | None = None
    ship_on: DayIn
    packages: Annotated[list[PackageIn], Field(min_length=1, max_length=50)]
    payers: Annotated[list[PayerIn], Field(max_length=2_000)] = []
    sites: Annotated[list[SiteIn], Field(max_length=5_000)] = []


class PlanIn(_Plan):
    """A new plan. Members come from the union's roster of the day; `person_ids` keeps only some of them.

    `payers` blank: one for each branch that has members. Spares belong to the payer that says so, else to the first.
    """

    union_id: UUID
    unit_id: UUID


class PlanPatch(_In):
    """What changes; what is not named stays. Lists are replaced whole. `revision`: the one that was looked at."""

    revision: Annotated[int, Field(strict=True, ge=1)] | None = None
    title: Words | None = None
    purpose: Purpose | None = None
    festival: Festival | None = None
    fund_source: UnionFund | None = None
    fiscal_year: Annotated[int, Field(strict=True, ge=2000, le=2100)] | None = None
    budget_fen: PositiveFen | None = None
    members_as_of: DayIn | None = None
    person_ids: Annotated[list[UUID], Field(min_length=1, max_length=100_000)] | None = None
    procurement: Literal["quotes", "directed"] | None = None
    directed_reason: LongWords | None = None
    directed_minutes_sha256: Digest | None = None
    reference_price_fen: PositiveFen | None = None
    terms: Literal["prepaid", "split_30_70", "after_acceptance"] | None = None
    deliver_to: Literal["sites", "homes"] | None = None
    shared_by: Literal["packages", "headcount", "fixed"] | None = None
    spare_pieces: Annotated[int, Field(strict=True, ge=0, le=PIECES_MAX)] | None = None
    choose_until: MomentIn | None = None
    ship_on: DayIn | None = None
    packages: Annotated[list[PackageIn], Field(min_length=1, max_length=50)] | None = None
    payers: Annotated[list[PayerIn], Field(max_length=2_000)] | None = None
    sites: Annotated[list[SiteIn], Field(max_length=5_000)] | None = None


class PurchaseQuoteIn(_In):
    """A supplier's offer with who stands behind it. `owners`: shareholders by name."""

    supplier_id: UUID | None = None
    supplier_name: Words
    credit_code: Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[0-9A-Z]{18}$")]
    legal_representative: Words
    owners: Annotated[list[Words], Field(max_length=50)] = []
    bank_account: Annotated[str, StringConstraints(pattern=r"^[0-9 -]{8,40}$")]
    total_fen: PositiveFen
    quoted_on: DayIn
    is_chosen: bool = False
    evidence_sha256: Digest | None = None


class ApproveIn(_In):
    """`content_sha256`: of what the approver looked at, as the purchase showed it."""

    content_sha256: Digest
    minutes_sha256: Digest | None = None
    reason: LongWords | None = None


class PurchaseRejectIn(_In):
    content_sha256: Digest
    reason: LongWords


class NoticeIn(_In):
    """Blank: the words and the shortest period that the rules ask for."""

    words: LongWords | None = None
    open_until: DayIn | None = None


class ObjectionIn(_In):
    words: LongWords


class AnswerIn(_In):
    answer: LongWords


class ChangeIn(_In):
    """late_joiners: `{"person_ids": […]}`; substitution: `{"sku_id", "by_sku_id"}`; spare_moved: `{"line_id",
    "from_share_id", "to_share_id", "pieces"}`; cancellation: nothing more; each with why.
    """

    kind: ChangeKind
    person_ids: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = None
    sku_id: UUID | None = None
    by_sku_id: UUID | None = None
    line_id: UUID | None = None
    from_share_id: UUID | None = None
    to_share_id: UUID | None = None
    pieces: Annotated[int, Field(strict=True, ge=1, le=PIECES_MAX)] | None = None
    reason: LongWords

    @model_validator(mode="after")
    def says_what_its_kind_needs(self) -> Self:
        spare = (self.line_id, self.from_share_id, self.to_share_id, self.pieces)
        if (self.kind == "spare_moved") != all(spare) or (self.kind != "spare_moved" and any(spare)):
            raise ValueError("转备用件请填写 line_id、from_share_id、to_share_id 与 pieces")
        if self.kind == "cancellation" and (self.person_ids or self.sku_id or self.by_sku_id):
            raise ValueError("取消订单只填写原因")
        if self.kind == "late_joiners" and (self.person_ids is None or self.sku_id or self.by_sku_id):
            raise ValueError("补充人员请填写 person_ids")
        if self.kind == "substitution" and (self.person_ids or not self.sku_id or not self.by_sku_id):
            raise ValueError("替换商品请填写 sku_id 与 by_sku_id")
        if self.sku_id is not None and self.sku_id == self.by_sku_id:
            raise ValueError("替换前后是同一规格")
        return self


class ChangeApproveIn(_In):
    content_sha256: Digest


class CancelIn(_In):
    reason: LongWords


class CopyIn(_In):
    """Blank: a year later, with the same budget."""

    title: Words | None = None
    fiscal_year: Annotated[int, Field(strict=True, ge=2000, le=2100)] | None = None
    budget_fen: PositiveFen | None = None
    members_as_of: DayIn | None = None
    ship_on: DayIn | None = None


class DelegationIn(_In):
    """From `valid_from` to the day before `valid_to`, up to an amount."""

    union_id: UUID
    delegate_email: Annotated[str, StringConstraints(max_length=254, pattern=NO_NUL)]
    up_to_fen: PositiveFen
    valid_from: DayIn
    valid_to: DayIn
    evidence_sha256: Digest | None = None


class DoneOut(BaseModel):
    """Where a purchase stands after a step."""

    id: UUID
    state: str
    revision: int
    content_sha256: str | None = None


class ApprovedOut(DoneOut):
    approvals: int
    approvers_needed: int


class MadeOut(BaseModel):
    id: UUID
    at: datetime
