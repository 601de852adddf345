"""Seal what is new. Writers never wait: entries are read from a snapshot, and membership is a table of its own."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from orders.seal.header import FIRST, Header, stamp
from orders.seal.key import SealKey
from orders.seal.leaf import COLUMNS, FORMAT, LINE, STYLE, leaf
from shop.core.database import Database, WriteSession
from shop.core.locks import Lock

BATCH = 50_000
_XID = COLUMNS.index("xid")
_ONE_AT_A_TIME = text(f"SELECT pg_advisory_xact_lock({Lock.SEAL})")
_LAST = text("SELECT number, sha256, horizon::text AS horizon FROM seal ORDER BY number DESC LIMIT 1")
_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
_INSERT = text("""
INSERT INTO seal (number, format, entries, root, previous, sealed_at, key_id, sha256, signature, horizon)
VALUES (:number, :format, :entries, :root, :previous, :sealed_at, :key_id, :sha256, :signature,
    CAST(CAST(:horizon AS text) AS xid8))
""")
# Which entries: committed, and in no seal yet. Older transactions than the last seal's horizon had all ended by then.
_NEW = f"""
SELECT {LINE} FROM credit_entry e
WHERE e.xid >= $1::text::xid8 AND NOT EXISTS (
    SELECT FROM seal_member m WHERE m.period_month = e.period_month AND m.entry_id = e.id)
ORDER BY e.xid, e.id LIMIT $2
"""  # noqa: S608  # only our own column names are put in


@dataclass(frozen=True, slots=True)
class Sealed:
    seals: int
    entries: int


async def seal_new(database: Database, key: SealKey, *, now: datetime, everything: bool = False) -> Sealed:
    """Seal all entries that are in no seal, in batches of at most 50,000, each in a transaction of its own.

    everything: look at all of them, not only at those younger than the last seal (after a restore). Killed in the
    middle, what was sealed stays, and nothing half-sealed is left.
    """
    seals = entries = 0
    while taken := await _seal_batch(database, key, now=now, everything=everything):
        seals, entries = seals + 1, entries + taken
        if taken < BATCH:
            break
    return Sealed(seals, entries)


async def _seal_batch(database: Database, key: SealKey, *, now: datetime, everything: bool) -> int:
    async with database.transaction() as session:
        await session.execute(_ONE_AT_A_TIME)
        for style in STYLE:
            await session.execute(text(style))
        last = (await session.execute(_LAST)).one_or_none()
        horizon = (await session.execute(_HORIZON)).scalar_one()
        since = "0" if last is None or everything else last.horizon
        leaves = await _leaves(session, since)
        if not leaves:
            return 0
        number = last.number + 1 if last else 1
        header = Header(
            number=number,
            format=FORMAT,
            entries=len(leaves),
            root=sha256(b"".join(one.leaf for one in leaves)).hexdigest(),
            previous=last.sha256 if last else FIRST,
            sealed_at=stamp(now),
            key_id=key.key_id,
        )
        # A full batch left younger entries unsealed: the next one begins where this one ended.
        reached = horizon if len(leaves) < BATCH else str(min(int(horizon), leaves[-1].xid))
        await session.execute(_INSERT, _row(header, key, now, reached))
        await _members(session, number, leaves)
    return len(leaves)


def _row(header: Header, key: SealKey, now: datetime, horizon: str) -> dict[str, Any]:
    return {
        "number": header.number,
        "format": header.format,
        "entries": header.entries,
        "root": header.root,
        "previous": header.previous,
        "sealed_at": now,
        "key_id": header.key_id,
        "sha256": header.sha256,
        "signature": key.sign(header.written),
        "horizon": horizon,
    }


class _Leaf(NamedTuple):
    month: int
    entry_id: UUID
    xid: int
    leaf: bytes


async def _leaves(session: WriteSession, since: str) -> list[_Leaf]:
    """In the order of sealing; lines are hashed as they arrive and not kept."""
    found: list[_Leaf] = []
    rest = b""

    async def take(chunk: bytes) -> None:
        nonlocal rest
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            cells = line.split(b"\t", _XID + 1)
            found.append(_Leaf(int(cells[1]), UUID(cells[0].decode()), int(cells[_XID]), leaf(line)))

    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101  # the session has just used it
    await driver.copy_from_query(_NEW, since, BATCH, output=take)
    return found


async def _members(session: WriteSession, number: int, leaves: list[_Leaf]) -> None:
    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101  # as above
    await driver.copy_records_to_table(
        "seal_member",
        columns=("period_month", "entry_id", "seal_number", "position", "leaf"),
        records=[(one.month, one.entry_id, number, place, one.leaf) for place, one in enumerate(leaves)],
    )
