"""What is said of reviews as JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from catalog.review.ask import Asked
from catalog.review.find import decides
from catalog.review.item import NAMES, Item, Said, read_items
from shop.access.permissions import Actor
from shop.core.paging import NO_NUL

State = Literal["waiting", "approved", "rejected", "withdrawn", "replaced"]


class ReviewChangeOut(BaseModel):
    """One thing, as it stands on the shelf and as it is wanted. name: in Chinese. Prices in fen, weights in grams,
    counties by code, producers by name; papers: kinds that come in addition.

    sku_code, list, min_quantity: of a price, whose; valid_from: not before this moment.
    """

    field: str
    name: str
    before: Said
    after: Said
    sku_code: str | None = None
    list: str | None = None
    min_quantity: int | None = None
    valid_from: datetime | None = None


class ProductWaitingOut(BaseModel):
    """A product of which something waits for a second person. review_id None: a dry run asked for nothing."""

    review_id: UUID | None
    product_id: UUID
    code: str
    title: str
    changes: list[ReviewChangeOut]


class ReviewSupplierOut(BaseModel):
    id: UUID
    name: str


class ReviewOut(BaseModel):
    """title and product_state: as on the shelf now. reference: where it came from, `import:{batch}` or `review:{id}`.

    replaces: whose place it took. reason: of whoever decided. may_decide: whether the caller may; of whoever sees it
    and may not, `reject` takes it back.
    """

    id: UUID
    product_id: UUID
    code: str
    title: str
    product_state: str
    supplier: ReviewSupplierOut
    changes: list[ReviewChangeOut]
    state: State
    asked_by: UUID | None
    asked_by_name: str | None
    asked_at: datetime
    reference: str
    replaces: UUID | None
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    reason: str | None
    may_decide: bool


class ReviewPage(BaseModel):
    items: list[ReviewOut]
    next_cursor: str | None


class ReviewReasonIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=NO_NUL)]


def change_out(item: Item) -> ReviewChangeOut:
    return ReviewChangeOut(
        field=item.field,
        name=NAMES[item.field],
        before=item.before,
        after=item.after,
        sku_code=item.sku_code,
        list=item.list,
        min_quantity=item.min_quantity,
        valid_from=item.valid_from,
    )


def waiting_out(asked: Asked, *, tried: bool) -> ProductWaitingOut:
    """tried: of a dry run."""
    return ProductWaitingOut(
        review_id=None if tried else asked.review_id,
        product_id=asked.product_id,
        code=asked.code,
        title=asked.title,
        changes=[change_out(one) for one in asked.items],
    )


def review_out(row: Any, actor: Actor) -> ReviewOut:
    """row: as `queries` gives it."""
    facts = row._mapping  # noqa: SLF001  # SQLAlchemy's own name for a row as a dict
    kept = {name: facts[name] for name in ReviewOut.model_fields if name in facts}
    return ReviewOut(
        **kept,
        supplier=ReviewSupplierOut(id=row.supplier_id, name=row.supplier_name),
        changes=[change_out(one) for one in read_items(row.items)],
        may_decide=row.state == "waiting" and decides(actor) and actor.user_id not in row.author_ids,
    )
