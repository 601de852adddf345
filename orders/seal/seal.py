"""Seal what is new: entries of the ledger, and events of the log.

Writers never wait: both are read from a snapshot, and membership is a table of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from orders.seal.header import FIRST, Header, stamp
from orders.seal.key import SealKey
from orders.seal.key_list import alone, take_key
from orders.seal.leaf import COLUMNS, EVENT_COLUMNS, EVENT_LINE, FORMAT, LINE, STYLE, leaf
from shop.core.database import Database, WriteSession

BATCH = 50_000
_LAST = text("SELECT number, format, sha256, horizon::text AS horizon FROM seal ORDER BY number DESC LIMIT 1")
_HORIZON = text("SELECT pg_snapshot_xmin(commit_snapshot())::text")
_INSERT = text("""
INSERT INTO seal (number, format, entries, root, events, events_root, previous, sealed_at, key_id, sha256, signature,
    programme, horizon)
VALUES (:number, :format, :entries, :root, :events, :events_root, :previous, :sealed_at, :key_id, :sha256, :signature,
    :programme, CAST(CAST(:horizon AS text) AS xid8))
""")
# Which entries: committed, and in no seal yet. Older transactions than the last seal's horizon had all ended by then.
_NEW = f"""
SELECT {LINE} FROM credit_entry e
WHERE e.xid >= $1::text::xid8 AND NOT EXISTS (
    SELECT FROM seal_member m WHERE m.period_month = e.period_month AND m.entry_id = e.id)
ORDER BY e.xid, e.id LIMIT $2
"""  # noqa: S608  # only our own column names are put in
_NEW_EVENTS = f"""
SELECT {EVENT_LINE} FROM audit_event e
WHERE e.xid >= $1::text::xid8 AND NOT EXISTS (SELECT FROM seal_event m WHERE m.event_id = e.id)
ORDER BY e.xid, e.id LIMIT $2
"""  # noqa: S608  # as above


@dataclass(frozen=True, slots=True)
class Sealed:
    seals: int
    entries: int
    events: int


class _Leaf(NamedTuple):
    """cells: of the line, its id first."""

    cells: tuple[bytes, ...]
    xid: int
    leaf: bytes


async def seal_new(database: Database, key: SealKey, *, now: datetime, everything: bool = False) -> Sealed:
    """Seal all entries and events that are in no seal, in batches of at most 50,000, each in a transaction of its own.

    everything: look at all of them, not only at those younger than the last seal (after a restore). Killed in the
    middle, what was sealed stays, and nothing half-sealed is left. Raises SealKeyUnknown.
    """
    seals = entries = events = 0
    while True:
        taken, told = await _seal_batch(database, key, now=now, everything=everything)
        seals, entries, events = seals + bool(taken or told), entries + taken, events + told
        if max(taken, told) < BATCH:
            return Sealed(seals, entries, events)


async def _seal_batch(database: Database, key: SealKey, *, now: datetime, everything: bool) -> tuple[int, int]:
    async with database.transaction() as session:
        await alone(session)
        for style in STYLE:
            await session.execute(text(style))
        last = (await session.execute(_LAST)).one_or_none()
        horizon = (await session.execute(_HORIZON)).scalar_one()
        since = "0" if last is None or everything else last.horizon
        # Events of before they were sealed belong to the first seal that knows of any.
        events_since = "0" if last is None or last.format == 1 else since
        leaves = await _leaves(session, _NEW, COLUMNS.index("xid"), since)
        events = await _leaves(session, _NEW_EVENTS, EVENT_COLUMNS.index("xid"), events_since)
        new = leaves or events
        if not new and last is None:
            return 0, 0
        programme = await take_key(session, key, now=now)
        if not new:
            return 0, 0
        number = last.number + 1 if last else 1
        header = Header(
            number=number,
            format=FORMAT,
            entries=len(leaves),
            root=_root(leaves),
            events=len(events),
            events_root=_root(events),
            previous=last.sha256 if last else FIRST,
            sealed_at=stamp(now),
            key_id=key.key_id,
            programme=programme,
        )
        # A full batch left younger entries unsealed: the next one begins where this one ended.
        full = [batch[-1].xid for batch in (leaves, events) if len(batch) == BATCH]
        reached = str(min([int(horizon), *full]))
        await session.execute(_INSERT, _row(header, key, now, reached))
        await _members(session, number, leaves)
        await _event_members(session, number, events)
    return len(leaves), len(events)


def _root(leaves: list[_Leaf]) -> str:
    return sha256(b"".join(one.leaf for one in leaves)).hexdigest()


def _row(header: Header, key: SealKey, now: datetime, horizon: str) -> dict[str, Any]:
    return {
        "number": header.number,
        "format": header.format,
        "entries": header.entries,
        "root": header.root,
        "events": header.events,
        "events_root": header.events_root,
        "previous": header.previous,
        "sealed_at": now,
        "key_id": header.key_id,
        "sha256": header.sha256,
        "signature": key.sign(header.written),
        "programme": header.programme,
        "horizon": horizon,
    }


async def _leaves(session: WriteSession, query: str, xid_at: int, since: str) -> list[_Leaf]:
    """In the order of sealing; lines are hashed as they arrive and not kept. xid_at: which cell is the transaction."""
    found: list[_Leaf] = []
    rest = b""

    async def take(chunk: bytes) -> None:
        nonlocal rest
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            cells = line.split(b"\t", xid_at + 1)
            found.append(_Leaf(tuple(cells[:2]), int(cells[xid_at]), leaf(line)))

    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101  # the session has just used it
    await driver.copy_from_query(query, since, BATCH, output=take)
    return found


async def _members(session: WriteSession, number: int, leaves: list[_Leaf]) -> None:
    rows = [
        (int(one.cells[1]), UUID(one.cells[0].decode()), number, place, one.leaf) for place, one in enumerate(leaves)
    ]
    await _copy(session, "seal_member", ("period_month", "entry_id", "seal_number", "position", "leaf"), rows)


async def _event_members(session: WriteSession, number: int, events: list[_Leaf]) -> None:
    rows = [(UUID(one.cells[0].decode()), number, place, one.leaf) for place, one in enumerate(events)]
    await _copy(session, "seal_event", ("event_id", "seal_number", "position", "leaf"), rows)


async def _copy(
    session: WriteSession, table: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101  # as above
    await driver.copy_records_to_table(table, columns=columns, records=rows)
