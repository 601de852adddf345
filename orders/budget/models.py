"""What a union may spend in a fiscal year. The money itself stands on the accounts `budget` and `encumbrance`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Moment, one_of


class BudgetVersion(SQLModel, table=True):
    """One change of a union's fiscal-year budget, with its reason, document and actor. One of them adopts it.

    The budget in force is the sum of `change_fen`; carry-over writes a row to both years.
    """

    __tablename__ = "budget_version"
    __table_args__ = (
        one_of("kind", ("adopted", "adjusted", "carried_in", "carried_out")),
        CheckConstraint("fiscal_year BETWEEN 2000 AND 2999", name="year_in_range"),
        CheckConstraint("version > 0", name="counts_from_one"),
        Index("uq_budget_version_adopted", "union_id", "fiscal_year", unique=True, postgresql_where="kind = 'adopted'"),
        CheckConstraint("change_fen > 0 OR kind IN ('adjusted', 'carried_out')", name="only_these_lower_it"),
        CheckConstraint("document_sha256 ~ '^[0-9a-f]{64}$'", name="document_is_a_digest"),
        {"info": APPEND_ONLY},
    )

    union_id: UUID = Field(primary_key=True, foreign_key="labour_union.id")
    fiscal_year: int = Field(primary_key=True)
    version: int = Field(primary_key=True)
    kind: str
    change_fen: int = Field(sa_type=Fen)
    reason: str
    document_sha256: str
    actor_id: UUID
    at: datetime = Field(sa_type=Moment)


class Encumbrance(SQLModel, table=True):
    """How much of which budget a purchase has taken, spent parts included. `steps` counts its changes."""

    __tablename__ = "encumbrance"
    __table_args__ = (CheckConstraint("encumbered_fen >= 0 AND steps >= 0", name="not_negative"),)

    purchase_id: UUID = Field(primary_key=True)
    union_id: UUID = Field(foreign_key="labour_union.id", index=True)
    fiscal_year: int
    encumbered_fen: int = Field(default=0, sa_type=Fen)
    steps: int = 0
    changed_at: datetime = Field(sa_type=Moment)
