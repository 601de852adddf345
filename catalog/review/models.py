"""What waits for a second person, and what became of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import Moment, one_of

REVIEW_STATES = ("waiting", "approved", "rejected", "withdrawn", "replaced")


class ProductReview(SQLModel, table=True):
    """Changes of one product that somebody wants and another decides. Its content never changes: what is wanted later
    replaces it by a review of its own, so that who approves one approves what he saw. Never two wait for one product.

    `items`: see `catalog.review.item`. `author_ids`: whoever wanted one of them or asked for the review; none of them
    decides it. `asked_by` None: the owner's shell. `reference`: where it came from, such as `import:{batch}`.
    `replaces`: the review whose place it took, or which it asks for again. `reason`: of whoever decided.
    """

    __tablename__ = "product_review"
    __table_args__ = (
        one_of("state", REVIEW_STATES),
        CheckConstraint("jsonb_typeof(items) = 'array' AND items <> '[]'", name="wants_something"),
        CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name="decided_at_some_time"),
        CheckConstraint(
            "state NOT IN ('approved', 'rejected') OR (decided_by IS NOT NULL AND decided_by <> ALL (author_ids))",
            name="two_people",
        ),
        CheckConstraint("asked_by IS NULL OR asked_by = ANY (author_ids)", name="who_asks_is_an_author"),
        CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name="rejected_why"),
        Index("uq_product_review_waiting", "product_id", unique=True, postgresql_where=text("state = 'waiting'")),
        Index("ix_product_review_product", "product_id", "id"),
        Index("ix_product_review_state", "state", "id"),
        {"info": {"rights": "SELECT, INSERT, UPDATE (state, decided_by, decided_at, reason)"}},
    )

    id: UUID = Field(primary_key=True)
    product_id: UUID = Field(foreign_key="product.id")
    items: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = "waiting"
    asked_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    asked_at: datetime = Field(sa_type=Moment)
    author_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    reference: str
    replaces: UUID | None = Field(default=None, foreign_key="product_review.id")
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
    reason: str | None = None
