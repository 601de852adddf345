"""Which keys have signed, and since when: a dated list in which each key is handed over by the one before it.

A stranger who knows any one of them, from whatever year, can walk from it to each other: a handing over is signed by
both. A key that was lost hands nothing over; the list says so, with the reason, and the walk ends there.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from sqlalchemy import Row, text

from orders.seal.canonical import canonical
from orders.seal.header import stamp
from orders.seal.key import SealKey, is_signed, key_id_of, seal_key
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Problem
from shop.core.locks import Lock
from shop.core.settings import Settings


class SealKeyUnknown(Problem):
    """Nothing was signed: whoever checks would find a key that nobody handed over."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "seal_key_unknown"
    title: ClassVar[str] = "SEAL_KEY 不是账本现在用的钥匙"


@dataclass(frozen=True, slots=True)
class ListedKey:
    """since: RFC 3339 in UTC; first_seal: the number of the first that it signs. previous: the public key before it, ""
    for the first. reason: why none handed it over.

    Signatures are Ed25519, hex, over the canonical JSON of what stands before them; signed_by_previous is "" where
    there is none.
    """

    programme: str
    number: int
    public_key: str
    previous: str
    since: str
    first_seal: int
    reason: str
    signed_by_itself: str
    signed_by_previous: str

    @property
    def said(self) -> dict[str, Any]:
        return {
            "programme": self.programme, "number": self.number, "public_key": self.public_key,
            "previous": self.previous, "since": self.since, "first_seal": self.first_seal, "reason": self.reason,
        }  # fmt: skip

    @property
    def as_json(self) -> dict[str, Any]:
        return self.said | {"signed_by_itself": self.signed_by_itself, "signed_by_previous": self.signed_by_previous}

    @property
    def handed_over(self) -> bool:
        """By the one before it, to this one."""
        written = canonical(self.said)
        return is_signed(written, self.signed_by_itself, self.public_key) and is_signed(
            written, self.signed_by_previous, self.previous
        )

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        return cls(
            str(row.programme), row.number, row.public_key, row.previous, stamp(row.since), row.first_seal, row.reason,
            row.signed_by_itself, row.signed_by_previous,
        )  # fmt: skip


_LIST: Final = text("""
SELECT p.id AS programme, k.number, k.public_key, k.previous, k.since, k.first_seal, k.reason, k.signed_by_itself,
    k.signed_by_previous
FROM seal_key k CROSS JOIN programme p ORDER BY k.number
""")
_ONE_AT_A_TIME: Final = text(f"SELECT pg_advisory_xact_lock({Lock.SEAL})")
_BEFORE: Final = text("""
SELECT p.id AS programme, (SELECT min(sealed_at) FROM seal) AS first_at,
    (SELECT key_id FROM seal ORDER BY number DESC LIMIT 1) AS key_id
FROM programme p
""")
_NEXT: Final = text("SELECT coalesce(max(number), 0) + 1 FROM seal")
_ADD: Final = text("""
INSERT INTO seal_key (number, public_key, previous, since, first_seal, reason, signed_by_itself, signed_by_previous)
VALUES (:number, :public_key, :previous, :moment, :first_seal, :reason, :signed_by_itself, :signed_by_previous)
""")


async def listed_keys(session: ReadSession) -> list[ListedKey]:
    """The oldest first; empty before anything was sealed."""
    return [ListedKey.of(row) for row in await session.execute(_LIST)]


async def present_key(session: ReadSession, settings: Settings) -> str:
    """The public key, hex, that signs now: the last of the list; before anything was sealed that of SEAL_KEY.

    A process that still has the key before it, or already the next, says the same. Raises SealKeyWrong.
    """
    keys = await listed_keys(session)
    return keys[-1].public_key if keys else seal_key(settings).public_hex


def trusted(keys: Sequence[ListedKey], known: Collection[str]) -> set[str]:
    """Public keys that somebody who knows some of them has reason to believe, and those themselves."""
    found = set(known)
    for one in (*keys, *reversed(keys)):
        if {one.public_key, one.previous} & found and one.handed_over:
            found |= {one.public_key, one.previous}
    return found


def is_its_turn(keys: Sequence[ListedKey], key_id: str, seal: int) -> bool:
    """Whether that seal was its to sign. A list that does not know the key says nothing against it."""
    at = next((place for place, one in enumerate(keys) if key_id_of(one.public_key) == key_id), None)
    if at is None:
        return True
    return keys[at].first_seal <= seal and all(seal < later.first_seal for later in keys[at + 1 : at + 2])


async def take_key(session: WriteSession, key: SealKey, *, now: datetime) -> None:
    """Before it seals, so that it is the last of the list: the first is listed, another one handed over to.

    Raises SealKeyUnknown for any other, also for one that was handed over to another.
    """
    await session.execute(_ONE_AT_A_TIME)
    keys = await listed_keys(session)
    if not keys:
        here = (await session.execute(_BEFORE)).one()
        first = next((one for one in (key, key.before) if one and here.key_id in (None, one.key_id)), None)
        if first is None:
            raise _unknown(key, here.key_id)
        keys = [await _list(session, first, str(here.programme), None, moment=here.first_at or now, first_seal=1)]
    if keys[-1].public_key == key.public_hex:
        return
    if key.before is None or key.before.public_hex != keys[-1].public_key:
        raise _unknown(key, key_id_of(keys[-1].public_key))
    await _list(session, key, keys[-1].programme, keys[-1], moment=now, first_seal=await session.scalar(_NEXT))
    await _note(session, keys[-1], key, None, now)


async def check_key(session: ReadSession, key: SealKey) -> None:
    """Before it signs a report. Raises SealKeyUnknown."""
    keys = await listed_keys(session)
    if keys and keys[-1].public_key != key.public_hex:
        raise _unknown(key, key_id_of(keys[-1].public_key))


async def replace_lost_key(session: WriteSession, key: SealKey, *, reason: str, now: datetime) -> None:
    """At the owner's shell, where the last key is lost: the list goes on without its hand. Raises SealKeyUnknown where
    nothing is to be replaced.
    """
    await session.execute(_ONE_AT_A_TIME)
    keys = await listed_keys(session)
    if not keys or key.public_hex in {one.public_key for one in keys}:
        raise SealKeyUnknown("请先把新的钥匙写进 SEAL_KEY：它不能是账本用过的钥匙。")
    await _list(
        session,
        SealKey(key.private),
        keys[-1].programme,
        keys[-1],
        moment=now,
        reason=reason,
        first_seal=await session.scalar(_NEXT),
    )
    await _note(session, keys[-1], key, reason, now)


async def _list(
    session: WriteSession,
    key: SealKey,
    programme: str,
    last: ListedKey | None,
    *,
    moment: datetime,
    first_seal: int,
    reason: str = "",
) -> ListedKey:
    """Signed by itself, and by the one before it where that is at hand."""
    number, previous = (last.number + 1, last.public_key) if last else (1, "")
    unsigned = ListedKey(programme, number, key.public_hex, previous, stamp(moment), first_seal, reason, "", "")
    written = canonical(unsigned.said)
    by_previous = key.before.sign(written) if last and key.before else ""
    added = ListedKey(**unsigned.said, signed_by_itself=key.sign(written), signed_by_previous=by_previous)
    await session.execute(_ADD, added.as_json | {"moment": moment})
    return added


async def _note(session: WriteSession, last: ListedKey, key: SealKey, reason: str | None, now: datetime) -> None:
    await record_change(
        session,
        actor_id=None,
        action="seal.key_changed",
        subject=f"seal_key:{key.key_id}",
        before={"key_id": key_id_of(last.public_key)},
        after={"key_id": key.key_id, "handed_over": reason is None},
        reason=reason,
        now=now,
    )


def _unknown(key: SealKey, expected: str) -> SealKeyUnknown:
    return SealKeyUnknown(
        f"账本现在用的是 {expected}，这里是 {key.key_id}。更换时请把原来的钥匙写进 SEAL_KEY_BEFORE；"
        "原来的钥匙找不到了，用 shop credit replace-key。"
    )
