"""What a receiver has before her: goods of her units that wait to be counted, and one delivery line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

SITES_MOST = 200
HOMES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class WaitingSite:
    """A delivery that nobody accepted yet. place: of whom, where; pieces: what should come."""

    purchase_id: UUID
    title: str
    number: str
    delivery_id: UUID
    place: str | None
    street: str | None
    pieces: int
    sent: bool


@dataclass(frozen=True, slots=True)
class WaitingHomes:
    """A branch's parcels to homes, accepted together. missing: parcels that have no waybill yet."""

    purchase_id: UUID
    title: str
    number: str
    payer_share_id: UUID
    payer_name: str
    homes: int
    pieces: int
    missing: int


@dataclass(frozen=True, slots=True)
class LineSeen:
    """One payer's pieces of a line in a delivery, in milli-pieces; after the acceptance with what was counted."""

    line_id: UUID
    payer_share_id: UUID
    title: str
    spec: str
    payer_name: str
    expected_milli: int
    accepted_milli: int | None
    short_milli: int | None
    damaged_milli: int | None
    refused_milli: int | None
    reason: str | None
    best_before: date | None
    batch_number: str | None
    warning: str | None

    @property
    def key(self) -> str:
        """What its fields are called after."""
        return f"{self.line_id}.{self.payer_share_id}"

    @property
    def pieces(self) -> int:
        return self.expected_milli // 1_000


_UNITS = bindparam("units", type_=ARRAY(Uuid))
# Orders of purchases whose goods may come: the plan's own, and those that approved changes added.
_COMING = """
coming AS (
    SELECT p.id AS purchase_id, p.title, p.number, p.deliver_to = 'homes' AS to_homes, p.order_id
    FROM bulk_purchase p WHERE p.state IN ('ordered', 'shipped', 'accepted') AND p.order_id IS NOT NULL
    UNION ALL
    SELECT p.id, p.title, p.number, false, c.order_id FROM bulk_purchase p JOIN bulk_change c ON c.purchase_id = p.id
    WHERE p.state IN ('ordered', 'shipped', 'accepted') AND c.order_id IS NOT NULL
), mine AS (
    SELECT y.id, y.order_id, y.payer_name, y.unit_id FROM payer_share y
    WHERE CAST(:units AS uuid[]) IS NULL OR y.unit_id = ANY(:units)
), open AS (
    SELECT c.purchase_id, c.title, c.number, c.to_homes, d.id AS delivery_id, d.name, d.street, d.position,
        min(m.id::text)::uuid AS share_id, sum(a.pieces)::bigint AS pieces,
        EXISTS (SELECT FROM parcel r JOIN dispatch x ON x.parcel_id = r.id WHERE r.delivery_id = d.id) AS sent,
        (SELECT count(*) FROM parcel r WHERE r.delivery_id = d.id
            AND NOT EXISTS (SELECT FROM dispatch x WHERE x.parcel_id = r.id AND x.waybill IS NOT NULL)) AS missing,
        (SELECT count(DISTINCT payer_share_id) FROM allocation o WHERE o.delivery_id = d.id) AS payers
    FROM coming c JOIN delivery d ON d.order_id = c.order_id JOIN allocation a ON a.delivery_id = d.id
    JOIN mine m ON m.id = a.payer_share_id
    WHERE NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id)
        AND NOT EXISTS (SELECT FROM acceptance_duty u WHERE u.order_id = c.order_id
            AND :actor IN (u.requester_id, u.approver_id))
    GROUP BY c.purchase_id, c.title, c.number, c.to_homes, d.id
)
"""
_SITES = text(f"""
WITH {_COMING}
SELECT purchase_id, title, number, delivery_id, name, street, pieces, sent FROM open
WHERE NOT (to_homes AND payers = 1) ORDER BY sent DESC, number, position LIMIT :most
""").bindparams(_UNITS)  # noqa: S608  # our own constant is put in
_HOMES = text(f"""
WITH {_COMING}
SELECT o.purchase_id, o.title, o.number, o.share_id, m.payer_name, count(*), sum(o.pieces)::bigint,
    sum(o.missing)::bigint
FROM open o JOIN mine m ON m.id = o.share_id WHERE o.to_homes AND o.payers = 1
GROUP BY o.purchase_id, o.title, o.number, o.share_id, m.payer_name ORDER BY o.number, m.payer_name
""").bindparams(_UNITS)  # noqa: S608  # our own words
_DELIVERY = text("""
SELECT p.id AS purchase_id, p.title, p.number, p.state, p.unit_id, d.id, d.order_id, d.name, d.phone, d.region_code,
    d.street,
    array_agg(DISTINCT y.unit_id) AS unit_ids, string_agg(DISTINCT y.payer_name, '、') AS payers,
    (SELECT string_agg(coalesce(x.carrier || ' ' || x.waybill, x.truck_plate), '、') FROM parcel r
        JOIN dispatch x ON x.parcel_id = r.id WHERE r.delivery_id = d.id) AS waybills
FROM bulk_purchase p JOIN delivery d ON d.order_id = p.order_id
    OR d.order_id IN (SELECT order_id FROM bulk_change c WHERE c.purchase_id = p.id)
JOIN allocation a ON a.delivery_id = d.id JOIN payer_share y ON y.id = a.payer_share_id
WHERE p.id = :purchase AND d.id = :delivery GROUP BY p.id, d.id
""")
_LINES = text("""
SELECT l.id, y.id, l.title, l.spec, y.payer_name, coalesce(a.quantity_milli, a.pieces * 1000) AS milli,
    t.accepted_milli, t.short_milli, t.damaged_milli, t.refused_milli, t.reason, t.best_before, t.batch_number,
    t.shelf_life_warning
FROM allocation a JOIN order_line l ON l.id = a.line_id JOIN payer_share y ON y.id = a.payer_share_id
LEFT JOIN acceptance x ON x.delivery_id = a.delivery_id
LEFT JOIN acceptance_line t ON t.acceptance_id = x.id AND t.line_id = l.id AND t.payer_share_id = y.id
WHERE a.delivery_id = :delivery ORDER BY l.position, y.position
""")
_ACCEPTED = text("""
SELECT a.id, a.accepted_on, a.note, a.delivery_note, a.truck_driver, a.truck_plate, a.evidence_sha256, a.recorded_at,
    r.name AS received_by, w.name AS witnessed_by, n.answer, n.words
FROM acceptance a JOIN user_account ru ON ru.id = a.received_by JOIN person r ON r.id = ru.person_id
JOIN user_account wu ON wu.id = a.witnessed_by JOIN person w ON w.id = wu.person_id
LEFT JOIN acceptance_answer n ON n.acceptance_id = a.id WHERE a.delivery_id = :delivery
""")
_SHARE = text("""
SELECT p.id AS purchase_id, p.title, p.number, p.state, y.id, y.order_id, y.payer_name, y.unit_id
FROM payer_share y JOIN bulk_purchase p ON p.order_id = y.order_id WHERE y.id = :share AND p.id = :purchase
""")
_HOMES_OF = """
FROM delivery d WHERE d.order_id = :order AND EXISTS (SELECT FROM allocation a WHERE a.delivery_id = d.id
        AND a.payer_share_id = :share)
    AND NOT EXISTS (SELECT FROM allocation a WHERE a.delivery_id = d.id AND a.payer_share_id <> :share)
"""
_SUM = text(f"""
SELECT count(*) AS homes, count(*) FILTER (WHERE h.open) AS waiting,
    coalesce(sum(h.missing) FILTER (WHERE h.open), 0)::bigint AS missing
FROM (SELECT NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id) AS open,
    (SELECT count(*) FROM parcel r WHERE r.delivery_id = d.id
        AND NOT EXISTS (SELECT FROM dispatch x WHERE x.parcel_id = r.id AND x.waybill IS NOT NULL)) AS missing
    {_HOMES_OF}) h
""")  # noqa: S608  # our own words
_LIST = text(f"""
SELECT d.id, d.name, d.phone, (SELECT string_agg(x.waybill, '、' ORDER BY x.waybill) FROM parcel r
    JOIN dispatch x ON x.parcel_id = r.id WHERE r.delivery_id = d.id) AS waybills
{_HOMES_OF} AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id)
    AND (:q = '' OR position(:q IN coalesce(d.name, '')) > 0 OR right(d.phone, length(:q)) = :q OR EXISTS (
        SELECT FROM parcel r JOIN dispatch x ON x.parcel_id = r.id WHERE r.delivery_id = d.id AND x.waybill = :q))
ORDER BY d.position LIMIT :most
""")  # noqa: S608  # our own words


async def pending_deliveries(
    session: ReadSession, actor: Actor, now: datetime
) -> tuple[list[WaitingSite], list[WaitingHomes]]:
    """Goods of the units in which the actor may accept, unless she asked for them or approved them."""
    units = await _units(session, actor, now)
    named = {"units": units, "actor": actor.user_id}
    sites = [WaitingSite(*row) for row in await session.execute(_SITES, named | {"most": SITES_MOST})]
    return sites, [WaitingHomes(*row) for row in await session.execute(_HOMES, named)]


async def delivery_seen(
    session: ReadSession, actor: Actor, *, purchase_id: UUID, delivery_id: UUID, now: datetime
) -> tuple[Row[Any], list[LineSeen], Row[Any] | None]:
    """A delivery, its lines, and its acceptance once there is one. Raises NotFound where no unit is the actor's."""
    named = {"purchase": purchase_id, "delivery": delivery_id}
    found = (await session.execute(_DELIVERY, named)).one_or_none()
    units = await _units(session, actor, now)
    if found is None or (units is not None and set(units).isdisjoint(found.unit_ids)):
        raise NotFound("没有这批货。")
    lines = [LineSeen(*row) for row in await session.execute(_LINES, named)]
    return found, lines, (await session.execute(_ACCEPTED, named)).one_or_none()


@dataclass(frozen=True, slots=True)
class HomesSeen:
    """share: of the branch; homes, waiting, missing: all of them, those nobody accepted, parcels without a waybill."""

    share: Row[Any]
    homes: int
    waiting: int
    missing: int
    found: Sequence[Row[Any]]


async def homes_seen(
    session: ReadSession, actor: Actor, *, purchase_id: UUID, payer_share_id: UUID, q: str, now: datetime
) -> HomesSeen:
    """Homes of a branch, some of them by name, end of the phone number or waybill. Raises NotFound for strangers."""
    share = (await session.execute(_SHARE, {"purchase": purchase_id, "share": payer_share_id})).one_or_none()
    units = await _units(session, actor, now)
    if share is None or (units is not None and share.unit_id not in units):
        raise NotFound("没有这个分会的货。")
    named = {"order": share.order_id, "share": payer_share_id}
    sums = (await session.execute(_SUM, named)).one()
    found = (await session.execute(_LIST, named | {"q": q, "most": HOMES_SHOWN})).all()
    return HomesSeen(share, sums.homes, sums.waiting, sums.missing, found)


async def _units(session: ReadSession, actor: Actor, now: datetime) -> list[UUID] | None:
    visible = await visible_unit_ids(session, actor, Permission.ACCEPTANCE_WRITE, clock.business_day(now))
    return None if visible is None else sorted(visible)
