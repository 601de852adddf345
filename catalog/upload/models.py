"""What was handed in, by whom, and what was wrong in it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from shop.core.database import Moment, one_of


class ImportBatch(SQLModel, table=True):
    """One staged file of a catalogue import: its rows and their errors, saved all or not at all.

    The same bytes are confirmed once a kind: handing them in again is no second delivery. acknowledged_columns: what
    nobody read, as whoever brought the file said.
    """

    __tablename__ = "import_batch"
    __table_args__ = (
        one_of("state", ("staged", "refused", "confirmed")),
        Index("uq_import_batch_once", "kind", "file_sha256", unique=True, postgresql_where=text("state = 'confirmed'")),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    file_name: str
    file_sha256: str = Field(index=True)
    rows: int
    errors: int
    state: str
    created_by: UUID | None = None
    created_at: datetime = Field(sa_type=Moment)
    confirmed_at: datetime | None = Field(default=None, sa_type=Moment)
    acknowledged_columns: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("ARRAY[]::text[]"))
    )


class ImportRow(SQLModel, table=True):
    """A row of a staged file as it was read, with what is wrong in it, so that nothing typed is lost."""

    __tablename__ = "import_row"

    batch_id: UUID = Field(foreign_key="import_batch.id", primary_key=True)
    number: int = Field(primary_key=True)
    fields: str
    errors: str | None = None
