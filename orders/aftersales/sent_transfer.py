"""A bank transfer of ours that gave money back: it proves one return, at whichever desk somebody records it."""

from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AfterValidator, StringConstraints
from sqlalchemy import text

from orders.month.models import SHOP
from shop.access.permissions import Actor
from shop.core.database import WriteSession
from shop.core.errors import Detail, Invalid, Problem
from shop.organisation.queries import unit_path
from shop.sheet.value import Unreadable, code_of


class ReferenceUsed(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "bank_reference_used"
    title: ClassVar[str] = "这个银行流水号已经登记过"


_SENT = text("""
INSERT INTO sent_transfer (company_id, day, bank_reference, subject, recorded_by, recorded_at)
VALUES (:company, :day, :reference, :subject, :actor, :now) ON CONFLICT DO NOTHING RETURNING subject
""")


def bank_reference(written: str) -> str:
    """What the reader of statements takes for a serial number may be written here. Raises Unreadable."""
    found = code_of(written)
    if not found:
        raise Unreadable("请填写银行流水号。")
    return found


BankReference = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(bank_reference)
]


def must_be_possible(returned_on: date, *, came: date, today: date) -> None:
    """Money goes back on a day on which it was there, and that has come. Raises Invalid."""
    if not came <= returned_on <= today:
        said = f"退回日期应在到账日 {came} 和今天之间"
        raise Invalid(f"{said}。", [Detail("/returned_on", "out_of_range", said)])


async def note_sent(
    session: WriteSession, *, unit_id: UUID | None, day: date, reference: str, subject: str, actor: Actor, now: datetime
) -> None:
    """Of the company to which `unit_id` belongs (None: the shop), its number of that day is for `subject`
    (`refund:…`, `paid_back:…`). Banks count anew: the same number on another day is another transfer.

    Raises ReferenceUsed.
    """
    path = await unit_path(session, unit_id, day) if unit_id else []
    facts = {"company": path[-1] if path else SHOP, "day": day, "reference": reference, "subject": subject}
    if await session.scalar(_SENT, facts | {"actor": actor.user_id, "now": now}) is None:
        raise ReferenceUsed("同一笔转账只登记一次；如果是另一笔，请填写它自己的流水号和日期。")
