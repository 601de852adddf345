"""Who is alive."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from shop.core.database import Moment


class Heartbeat(SQLModel, table=True):
    """The last sign of life of each worker, in the database's own time: a set clock must not make it look dead."""

    __tablename__ = "heartbeat"

    name: str = Field(primary_key=True)
    beaten_at: datetime = Field(sa_type=Moment)
