"""A group leader hands out the links and chooses for those who cannot: for members of the own branches only."""

import hmac
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, text

from orders.bulk.choice.choose import PackageUnknown, digest_of, hold_open
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.keys import Keys
from shop.core.rows import as_rows
from shop.organisation.queries import visible_unit_ids

SHOWN_MOST: Final = 500


class NotInYourBranch(Problem):
    """Somebody who is no member of the purchase, or of another leader's branch: which of both is not told."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "member_unknown"
    title: ClassVar[str] = "名单里没有这些会员"


@dataclass(frozen=True, slots=True)
class ChoiceFor:
    """For a member by person id or by staff number."""

    package_id: UUID
    person_id: UUID | None = None
    staff_number: str | None = None


@dataclass(frozen=True, slots=True)
class Led:
    """A purchase as a leader sees it. units None: all branches; whole: the purchase is the leader's own."""

    purchase: Row[Any]
    units: frozenset[UUID] | None
    whole: bool


_PURCHASE = text("SELECT * FROM bulk_purchase WHERE id = :purchase")
_HAS_ONE = text("""
SELECT EXISTS (SELECT FROM bulk_member WHERE purchase_id = :purchase AND unit_id = ANY(:units))
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))
_WITHIN = "(CAST(:units AS uuid[]) IS NULL OR m.unit_id = ANY(:units))"
_FIND = text(f"""
SELECT (w.ord - 1)::int AS at, m.person_id, EXISTS (
    SELECT FROM bulk_package k WHERE k.id = w.package_id AND k.purchase_id = :purchase) AS packed
FROM unnest(:people, :numbers, :packages) WITH ORDINALITY AS w(person_id, number, package_id, ord)
LEFT JOIN bulk_member m ON m.purchase_id = :purchase AND {_WITHIN}
    AND (m.person_id = w.person_id OR (w.person_id IS NULL AND m.staff_number = w.number))
ORDER BY w.ord
""").bindparams(  # noqa: S608  # our own constants
    bindparam("people", type_=ARRAY(Uuid)),
    bindparam("numbers", type_=ARRAY(Text)),
    bindparam("packages", type_=ARRAY(Uuid)),
)
_CHOOSE = text("""
UPDATE bulk_member m SET package_id = w.package_id, chosen_by = 'leader', chooser_id = :actor, chosen_at = :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS w(person_id uuid, package_id uuid)
WHERE m.purchase_id = :purchase AND m.person_id = w.person_id
""")
_MEMBERS = text(f"""
SELECT m.person_id, m.staff_number, m.name, u.name AS unit, m.department, m.chosen_by
FROM bulk_member m JOIN unit u ON u.id = m.unit_id
WHERE m.purchase_id = :purchase AND {_WITHIN} AND (NOT CAST(:waiting AS bool) OR m.package_id IS NULL)
ORDER BY u.code, m.department, m.position LIMIT :most
""")  # noqa: S608  # our own words
_SUMS = text(f"""
SELECT count(*) AS members, count(m.package_id) FILTER (WHERE m.chosen_by <> 'default') AS chosen
FROM bulk_member m WHERE m.purchase_id = :purchase AND {_WITHIN}
""")  # noqa: S608  # our own words
_LINKS = text(f"""
SELECT m.person_id, m.link_sha256, m.staff_number, m.name, u.name AS unit, m.department
FROM bulk_member m JOIN unit u ON u.id = m.unit_id
WHERE m.purchase_id = :purchase AND {_WITHIN} ORDER BY u.code, m.department, m.position
""")  # noqa: S608  # our own words
_KEEP_LINKS = text("""
UPDATE bulk_member m SET link_sha256 = w.link
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS w(person_id uuid, link text)
WHERE m.purchase_id = :purchase AND m.person_id = w.person_id AND m.link_sha256 IS DISTINCT FROM w.link
""")


async def led_by(
    session: ReadSession,
    actor: Actor,
    purchase_id: UUID,
    now: datetime,
    permission: Permission = Permission.BULK_WRITE,
) -> Led:
    """Raises NotFound for whoever may use the permission neither in the purchase nor in a branch with members of it."""
    purchase = (await session.execute(_PURCHASE, {"purchase": purchase_id})).one_or_none()
    units = await visible_unit_ids(session, actor, permission, clock.business_day(now))
    if purchase is None:
        raise NotFound("没有这个采购计划。")
    if units is None or purchase.unit_id in units:
        return Led(purchase, None, whole=True)
    if not await session.scalar(_HAS_ONE, {"purchase": purchase_id, "units": list(units)}):
        raise NotFound("没有这个采购计划。")
    return Led(purchase, units, whole=False)


async def choose_for(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, choices: Sequence[ChoiceFor], now: datetime
) -> int:
    """All of them or none; returns how many. Raises NotFound, ChoicesClosed, NotInYourBranch, PackageUnknown."""
    led = await led_by(session, actor, purchase_id, now)
    await hold_open(session, purchase_id, now)
    named = {"purchase": purchase_id, "units": _units(led)}
    found = list(
        await session.execute(
            _FIND,
            named
            | {
                "people": [one.person_id for one in choices],
                "numbers": [one.staff_number for one in choices],
                "packages": [one.package_id for one in choices],
            },
        )
    )
    if lost := [row.at for row in found if row.person_id is None]:
        raise NotInYourBranch(
            "请核对工号；您只能替本单位的会员选择。",
            [Detail(f"/choices/{i}", NotInYourBranch.code, "这次采购的名单里没有这位会员") for i in lost],
        )
    if unknown := [row.at for row in found if not row.packed]:
        raise PackageUnknown(
            "请从这次采购的套餐里选。",
            [Detail(f"/choices/{i}/package_id", PackageUnknown.code, "没有这个套餐") for i in unknown],
        )
    # Named twice, the last word counts.
    requested = {row.person_id: choices[row.at].package_id for row in found}
    rows = as_rows({"person_id": str(person), "package_id": str(package)} for person, package in requested.items())
    await session.execute(_CHOOSE, {"purchase": purchase_id, "rows": rows, "actor": actor.user_id, "now": now})
    return len(requested)


async def link_list(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, keys: Keys, now: datetime
) -> list[tuple[Row[Any], str]]:
    """Each member of the leader's branches with the secret of the personal link, to be handed out.

    Secrets follow from the shop's keys, so that the list can be made again and nothing but digests is stored. Who has a
    link keeps it while the key that made it is known.
    Raises NotFound, ChoicesClosed.
    """
    led = await led_by(session, actor, purchase_id, now)
    await hold_open(session, purchase_id, now)
    members = list(await session.execute(_LINKS, {"purchase": purchase_id, "units": _units(led)}))
    listed = [(one, _secret_of(keys, purchase_id, one)) for one in members]
    rows = as_rows({"person_id": str(one.person_id), "link": digest_of(secret)} for one, secret in listed)
    await session.execute(_KEEP_LINKS, {"purchase": purchase_id, "rows": rows})
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.links_listed",
        subject=f"bulk_purchase:{purchase_id}",
        after={"members": len(listed)},
        now=now,
    )
    return listed


def _secret_of(keys: Keys, purchase_id: UUID, member: Row[Any]) -> str:
    """160 bits that only the shop can make."""
    named = purchase_id.bytes + member.person_id.bytes
    made = [b32encode(hmac.digest(key, named, sha256)[:20]).decode().lower() for key in keys.every("choices")]
    return next((one for one in made if digest_of(one) == member.link_sha256), made[0])


async def members_of(session: ReadSession, led: Led, *, waiting: bool) -> tuple[Row[Any], list[Row[Any]]]:
    """Sums of the leader's branches (members, chosen), and the first 500 members: who has chosen, never what.

    What somebody chose may tell a religion; so no list of members says it, not even the harmless choices, since the
    silence about one would tell as much.
    """
    named = {"purchase": led.purchase.id, "units": _units(led)}
    sums = (await session.execute(_SUMS, named)).one()
    rows = await session.execute(_MEMBERS, named | {"waiting": waiting, "most": SHOWN_MOST})
    return sums, list(rows)


def _units(led: Led) -> list[UUID] | None:
    return None if led.units is None else list(led.units)
