"""Who buys for a canteen from a day on: the canteen itself, or a contractor under his own name."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, insert, text
from sqlalchemy.exc import IntegrityError

from orders.canteen.models import CanteenContract
from orders.canteen.visibility import NoSuchCanteen
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import derived_id, new_id
from shop.organisation.authority import may, of_units

_KITCHEN: Final = text("SELECT unit_id FROM canteen WHERE id = :canteen FOR UPDATE").bindparams(
    bindparam("canteen", type_=Uuid)
)
_END: Final = text("""
UPDATE canteen_contract SET valid_to = :day WHERE canteen_id = :canteen AND valid_to IS NULL AND valid_from < :day
RETURNING id
""").bindparams(bindparam("canteen", type_=Uuid), bindparam("day", type_=Date))


class ContractOverlaps(Problem):
    """Another contract holds on some of these days."""

    status = 409
    code = "canteen_contract_overlaps"
    title = "这段时间已有另一份食堂合同"


@dataclass(frozen=True, slots=True)
class NewContract:
    """credit_days: days to pay after acceptance (0 to 180). Business days [valid_from, valid_to)."""

    payer_kind: Literal["canteen", "contractor"]
    payer_name: str
    invoice_title: str
    credit_days: int
    contact_name: str
    contact_phone: str
    region_code: str
    street: str
    valid_from: date
    source: str
    valid_to: date | None = None
    tax_number: str | None = None


async def sign_contract(
    session: WriteSession, *, actor: Actor | None, canteen_id: UUID, contract: NewContract, now: datetime
) -> UUID:
    """The open contract before it ends on the day the new one begins. actor None: the command line, the demo.

    Raises NoSuchCanteen out of the actor's reach too, ContractOverlaps.
    """
    unit_id = await session.scalar(_KITCHEN, {"canteen": canteen_id})
    place = of_units(unit_id)
    if unit_id is None or (
        actor and not await may(session, actor, Permission.RULE_WRITE, place, day=clock.business_day(now))
    ):
        raise NoSuchCanteen("请先登记食堂；只能登记您管理范围内的食堂合同。")
    ended = await session.scalar(_END, {"canteen": canteen_id, "day": contract.valid_from})
    own = contract.payer_kind == "canteen"
    payer_id = canteen_id if own else derived_id("contractor", contract.tax_number or contract.payer_name)
    contract_id = new_id()
    made = {"id": contract_id, "canteen_id": canteen_id, "payer_id": payer_id, **asdict(contract)}
    try:
        async with session.begin_nested():
            await session.execute(insert(CanteenContract).values(**made))
    except IntegrityError as error:
        raise ContractOverlaps("请先看已有合同的起止日期。") from error
    await record_change(
        session,
        actor_id=actor.user_id if actor else None,
        action="canteen_contract.sign",
        subject=f"canteen:{canteen_id}",
        before={"contract_id": str(ended)} if ended else None,
        after={
            "contract_id": str(contract_id),
            "payer_kind": contract.payer_kind,
            "credit_days": contract.credit_days,
            "valid_from": contract.valid_from.isoformat(),
        },
        reason=contract.source,
        now=now,
    )
    return contract_id
