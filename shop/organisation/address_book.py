"""Where somebody has things sent: remembered, listed, forgotten."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import col, delete, select, tuple_

from shop.access.contact import checked_name, checked_phone
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, Invalid
from shop.core.ids import new_id
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.models import Address

LISTED_MOST: Final = 20
_STREET_LENGTH_MAX: Final = 120
_POSTCODE: Final = re.compile(r"[0-9]{6}")
# The provinces of GB/T 2260, then four digits that name something smaller than the province itself.
_REGION: Final = re.compile(r"(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])(?!0000)[0-9]{4}")


class BadAddress(Invalid):
    code = "address_invalid"
    title = "地址有误"


@dataclass(frozen=True, slots=True)
class Destination:
    """Checked: phone as national digits (or +E.164), region_code six digits of a county or city."""

    name: str
    phone: str
    region_code: str
    street: str
    postcode: str | None = None


def names_a_place(street: str) -> bool:
    """Whether it has a letter or a digit: by "-" or "……" no carrier finds anybody."""
    return any(sign.isalnum() for sign in street)


def checked_street(street: str) -> str:
    """As it came, for what is handed in with a street in it. Raises ValueError."""
    if not names_a_place(street):
        raise ValueError("请填写街道和门牌号")
    return street


def checked_address(
    *, name: str, phone: str, region_code: str, street: str, postcode: str | None = None, pointer: str = ""
) -> Destination:
    """pointer: where the address stands in the request (`address`). Raises BadAddress, BadContact."""
    at = f"{pointer}/" if pointer else ""
    street, postcode = street.strip(), (postcode or "").strip() or None
    if not _REGION.fullmatch(region_code):
        raise _bad(f"{at}region_code", "请选择省、市、县（区），地区代码为 6 位数字。")
    if not names_a_place(street) or len(street) > _STREET_LENGTH_MAX or not street.isprintable():
        raise _bad(f"{at}street", f"请填写街道和门牌号，不超过 {_STREET_LENGTH_MAX} 个字。")
    if postcode and not _POSTCODE.fullmatch(postcode):
        raise _bad(f"{at}postcode", "邮政编码为 6 位数字，也可以不填。")
    return Destination(
        checked_name(name, f"{at}name"), checked_phone(phone, f"{at}phone"), region_code, street, postcode
    )


async def remember_address(
    session: WriteSession,
    *,
    person_id: UUID,
    destination: Destination,
    kind: Literal["home", "office", "other"] = "home",
    now: datetime,
) -> UUID:
    """The same address again only moves to the front. Its id."""
    row = insert_once(Address).values(
        id=new_id(), person_id=person_id, kind=kind, name=destination.name, phone=destination.phone,
        region_code=destination.region_code, street=destination.street, postcode=destination.postcode, used_at=now,
    )  # fmt: skip
    kept = row.on_conflict_do_update(
        index_elements=["person_id", "name", "phone", "region_code", "street"],
        set_={"used_at": now, "kind": kind, "postcode": destination.postcode},
    )
    address_id: UUID = (await session.execute(kept.returning(col(Address.id)))).scalar_one()
    return address_id


async def list_addresses(session: ReadSession, *, person_id: UUID) -> Sequence[Address]:
    """The last used first, without those of a time when any sign passed for a street."""
    found = await session.scalars(
        select(Address)
        .where(col(Address.person_id) == person_id)
        .order_by(col(Address.used_at).desc(), col(Address.id))
        .limit(LISTED_MOST)
    )
    return [one for one in found if names_a_place(one.street)]


async def kept_addresses(
    session: ReadSession, *, person_id: UUID, limit: int, cursor: str | None = None
) -> tuple[Sequence[Address], str | None]:
    """Everything that is kept, the last used first, whatever passed for a street when it was; and where it goes on."""
    asked = select(Address).where(col(Address.person_id) == person_id)
    if cursor:
        asked = asked.where(tuple_(col(Address.used_at), col(Address.id)) < read_cursor(cursor, datetime, UUID))
    order = (col(Address.used_at).desc(), col(Address.id).desc())
    found = (await session.scalars(asked.order_by(*order).limit(limit + 1))).all()
    more = cursor_of(found[limit - 1].used_at, found[limit - 1].id) if len(found) > limit else None
    return found[:limit], more


async def forget_address(session: WriteSession, *, person_id: UUID, address_id: UUID) -> None:
    """Only one's own; not there any more is success. What was sent there keeps its own copy, as long as it needs it."""
    await session.execute(delete(Address).where(col(Address.id) == address_id, col(Address.person_id) == person_id))


def _bad(pointer: str, detail: str) -> BadAddress:
    return BadAddress(detail, [Detail(f"/{pointer}", BadAddress.code, detail)])
