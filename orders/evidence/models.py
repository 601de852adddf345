"""Papers that a figure rests on: kept by digest, so that nobody can exchange one unseen."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

MEDIA_TYPES = (
    "application/pdf", "application/ofd", "application/xml", "image/jpeg", "image/png", "image/webp", "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)  # fmt: skip


class Evidence(SQLModel, table=True):
    """A file that was kept, once for all its copies: its bytes are in the file store under the digest.

    `uploaded_by`, `file_name`, `unit_id`: of who brought it first; everybody who brought it is in `evidence_upload`.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        one_of("media_type", MEDIA_TYPES),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="is_a_digest"),
        CheckConstraint("bytes > 0", name="not_empty"),
        {"info": APPEND_ONLY},
    )

    sha256: str = Field(primary_key=True)
    media_type: str
    bytes: int = Field(sa_type=BigInteger)
    file_name: str
    uploaded_by: UUID = Field(foreign_key="user_account.id")
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    at: datetime = Field(sa_type=Moment)


class EvidenceUpload(SQLModel, table=True):
    """Somebody brought a file, for a unit: both may look at it again, whoever else brought the same bytes."""

    __tablename__ = "evidence_upload"
    __table_args__ = ({"info": APPEND_ONLY},)

    sha256: str = Field(primary_key=True, foreign_key="evidence.sha256")
    uploaded_by: UUID = Field(primary_key=True, foreign_key="user_account.id")
    scope_id: UUID = Field(primary_key=True)
    """The unit, or all zeros for none."""
    file_name: str
    at: datetime = Field(sa_type=Moment)
