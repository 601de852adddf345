"""For how long personal columns are kept."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

RetainedKind = Literal[
    "delivery", "bulk_recipient", "bulk_member", "bulk_site", "roll_row", "address", "account", "bank_transfer",
    "payer_share", "invoice", "canteen_contact", "driver", "roster", "sign_in", "message",
]  # fmt: skip
RETAINED: Final[Mapping[RetainedKind, str]] = {
    "delivery": "收货信息", "bulk_recipient": "慰问品收货信息", "bulk_member": "慰问品名册",
    "bulk_site": "收货点联系人", "roll_row": "签领表", "address": "收货地址簿",
    "account": "账号与本人", "bank_transfer": "银行流水的付款人", "payer_share": "个人付款份额",
    "invoice": "个人发票抬头", "canteen_contact": "食堂联系人", "driver": "送货司机",
    "roster": "工号", "sign_in": "登录记录", "message": "发出的消息",
}  # fmt: skip


class RetentionRule(SQLModel, table=True):
    """How many years or days personal columns of a kind of row are kept; the newest row of its day rules. With its
    source.
    """

    __tablename__ = "retention_rule"
    __table_args__ = (
        one_of("kind", tuple(RETAINED)),
        CheckConstraint("years BETWEEN 1 AND 100", name="some_years"),
        CheckConstraint("days BETWEEN 1 AND 366", name="some_days"),
        CheckConstraint("(years IS NULL) <> (days IS NULL)", name="years_or_days"),
        UniqueConstraint("kind", "valid_from"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    kind: str
    years: int | None = None
    days: int | None = None
    source: str
    document_sha256: str | None = None
    valid_from: date
    added_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    added_at: datetime = Field(sa_type=Moment)
