"""Recompute every seal from the entries and events as they are now, and name what differs."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from orders.seal.header import FIRST, header_of
from orders.seal.key import is_signed, key_id_of
from orders.seal.key_list import ListedKey, fault_in, is_its_turn, listed_keys, trusted
from orders.seal.leaf import EVENT_LINE, LINE, STYLE, leaf
from shop.core.database import Database, ReadSession

NAMED_MAX = 20
_WHAT: Final = {"entry": "记录", "event": "操作记录"}


@dataclass(frozen=True, slots=True)
class Difference:
    """code: entry_changed, entry_deleted, entry_inserted, event_changed, …; seal_changed, seal_missing, chain_broken,
    other_key, key_out_of_turn, signature_wrong, other_programme, root_published_otherwise, key_list_changed. seal: its
    number, 0 where there is none.
    entry_id: or event's.
    """

    code: str
    seal: int
    entry_id: UUID | None
    said: str


@dataclass(frozen=True, slots=True)
class Verified:
    """entries, events: how many were recomputed; unsealed: entries since the last seal. holds: nothing differs."""

    seals: int
    entries: int
    events: int
    unsealed: int
    last_sha256: str
    differences: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "seals": self.seals,
            "entries": self.entries,
            "events": self.events,
            "unsealed": self.unsealed,
            "last_sha256": self.last_sha256,
            "differences": [asdict(one) | {"entry_id": one.entry_id and str(one.entry_id)} for one in self.differences],
        }


_SEALS = text("SELECT * FROM seal ORDER BY number")
_MEMBERS = f"""
SELECT m.entry_id AS member_id, m.leaf AS kept, {LINE}
FROM seal_member m LEFT JOIN credit_entry e ON e.period_month = m.period_month AND e.id = m.entry_id
WHERE m.seal_number = $1 ORDER BY m.position
"""  # noqa: S608  # only our own column names are put in
_EVENTS = f"""
SELECT m.event_id AS member_id, m.leaf AS kept, {EVENT_LINE}
FROM seal_event m LEFT JOIN audit_event e ON e.id = m.event_id WHERE m.seal_number = $1 ORDER BY m.position
"""  # noqa: S608  # as above
_EVENTS_OUTSIDE = text("""
SELECT e.id FROM audit_event e WHERE NOT EXISTS (SELECT FROM seal_event m WHERE m.event_id = e.id)
    AND e.xid < (SELECT horizon FROM seal WHERE format > 1 ORDER BY number DESC LIMIT 1)
ORDER BY e.id LIMIT 20
""")
# What stands in no seal is new; unless it claims to be older than the last seal, has no source, or another transaction
# wrote the same one before.
_OUTSIDE = text("""
WITH outside AS (
    SELECT e.id, e.kind, e.cause_id, e.component_id, e.order_line_id, e.xid,
        e.xid < (SELECT horizon FROM seal ORDER BY number DESC LIMIT 1) AS backdated
    FROM credit_entry e
    WHERE NOT EXISTS (SELECT FROM seal_member m WHERE m.period_month = e.period_month AND m.entry_id = e.id)
)
SELECT o.id, coalesce(o.backdated, false) AS backdated,
    NOT EXISTS (SELECT FROM credit_source s
        WHERE s.kind = o.kind AND s.cause_id = o.cause_id AND s.component_id = o.component_id)
    OR EXISTS (SELECT FROM credit_entry twin WHERE twin.order_line_id = o.order_line_id AND twin.kind = o.kind
        AND twin.cause_id = o.cause_id AND twin.component_id = o.component_id AND twin.xid <> o.xid) AS unfounded,
    count(*) OVER () AS many
FROM outside o ORDER BY 2 DESC, 3 DESC, o.id LIMIT 1000
""")


async def verify(
    database: Database, *, public_keys: Collection[str], published: dict[int, str] | None = None
) -> Verified:
    """Every leaf, root, chain link and signature; memory stays flat. public_keys: hex, from outside; those that they
    handed over to, or took over from, are believed with them.

    published: seal number → SHA-256 as it was made known outside; a seal that was remade since is named.
    """
    differences: list[Difference] = []
    entries, events, previous, number = 0, 0, FIRST, 0
    async with database.snapshot() as session:
        for style in STYLE:
            await session.execute(text(style))
        keys = await listed_keys(session)
        believed = trusted(keys, public_keys)
        if (changed := fault_in(keys)) is not None:
            said = f"钥匙清单被改过：第 {changed} 把不在它该在的位置"
            differences.append(Difference("key_list_changed", 0, None, said))
        for seal in (await session.execute(_SEALS)).all():
            number += 1
            for missing in range(number, seal.number):
                said = f"缺少第 {missing} 号封存"
                differences.append(Difference("seal_missing", missing, None, said))
            number = seal.number
            differences += _of_seal(seal, previous, keys, believed, (published or {}).get(number))
            for query, what, number_of, root in (
                (_MEMBERS, "entry", seal.entries, seal.root), (_EVENTS, "event", seal.events, seal.events_root),
            ):  # fmt: skip
                if what == "event" and seal.format == 1:
                    continue
                counted, wrong = await _of_members(session, query, what, number, number_of, root)
                entries, events = entries + counted * (what == "entry"), events + counted * (what == "event")
                differences += wrong[:NAMED_MAX]
            previous = seal.sha256
        for missing in sorted(one for one in published or {} if one > number):
            differences.append(Difference("seal_missing", missing, None, f"已公布的第 {missing} 号封存不见了"))
        outside = (await session.execute(_OUTSIDE)).all()
        late = (await session.scalars(_EVENTS_OUTSIDE)).all()
    differences += [
        Difference("entry_inserted", 0, row.id, f"记录 {row.id} 不在任何封存里，却冒充早已封存的时间或没有来源")
        for row in outside
        if row.backdated or row.unfounded
    ][:NAMED_MAX]
    differences += [
        Difference("event_inserted", 0, one, f"{_WHAT['event']} {one} 不在任何封存里，却冒充早已封存的时间")
        for one in late
    ]
    return Verified(number, entries, events, outside[0].many if outside else 0, previous, tuple(differences))


def _of_seal(
    seal: Row[Any], previous: str, keys: Sequence[ListedKey], believed: Collection[str], published: str | None
) -> list[Difference]:
    header = header_of(seal)
    found = []

    def differs(code: str, said: str) -> None:
        found.append(Difference(code, seal.number, None, f"第 {seal.number} 号封存：{said}"))

    if header.sha256 != seal.sha256:
        differs("seal_changed", "内容与它的摘要不符")
    if seal.previous != previous:
        differs("chain_broken", "没有接在前一号封存之后")
    if keys and header.programme not in {None, keys[0].programme}:
        differs("other_programme", "是另一个商城的封存")
    public_hex = next((one for one in believed if key_id_of(one) == seal.key_id), None)
    if public_hex is None:
        lost = "；清单里有一把钥匙遗失过，它前后的公钥都要给出" if any(one.reason for one in keys) else ""
        differs("other_key", f"是用另一把钥匙（{seal.key_id}）签的{lost}")
    elif not is_its_turn(keys, seal.key_id, seal.number):
        differs("key_out_of_turn", f"签它的钥匙（{seal.key_id}）那时不是账本的钥匙")
    elif not is_signed(header.written, seal.signature, public_hex):
        differs("signature_wrong", "签名不对")
    if published is not None and published != header.sha256:
        differs("root_published_otherwise", f"公布过的摘要是 {published}，现在是 {header.sha256}")
    return found


async def _of_members(
    session: ReadSession, query: str, what: str, number: int, expected: int, sealed_root: str
) -> tuple[int, list[Difference]]:
    root, counted, wrong = sha256(), 0, []
    async for member_id, kept, line in _lines(session, query, number):
        counted += 1
        root.update(kept)
        if line is None:
            said = f"第 {number} 号封存里的{_WHAT[what]} {member_id} 已被删除"
            wrong.append(Difference(f"{what}_deleted", number, UUID(member_id), said))
        elif leaf(line) != kept:
            said = f"第 {number} 号封存里的{_WHAT[what]} {member_id} 被改过"
            wrong.append(Difference(f"{what}_changed", number, UUID(member_id), said))
    if counted != expected or root.hexdigest() != sealed_root:
        said = f"第 {number} 号封存：{_WHAT[what]}的清单与封存时不同（应有 {expected} 条，现有 {counted} 条）"
        wrong.append(Difference("seal_changed", number, None, said))
    return counted, wrong


async def _lines(session: ReadSession, query: str, number: int) -> AsyncIterator[tuple[str, bytes, bytes | None]]:
    """(id, kept leaf, the line as it is now or None), of a whole seal at a time."""
    lines: list[bytes] = []
    rest = b""

    async def take(chunk: bytes) -> None:
        nonlocal rest
        *whole, rest = (rest + chunk).split(b"\n")
        lines.extend(whole)

    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101  # the session has just used it
    await driver.copy_from_query(query, number, output=take)
    for one in lines:
        member_id, kept, line = one.split(b"\t", 2)
        yield member_id.decode(), bytes.fromhex(kept[3:].decode()), None if line.startswith(b"\\N\t") else line
