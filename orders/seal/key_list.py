"""Which keys have signed, and since when: a dated list in which each key is handed over by the one before it.

A stranger who knows any one of them, from whatever year, can walk from it to each other: a handing over is signed by
both. A key that was lost hands nothing over; the list says so, with the reason, and the walk ends there.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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


REPORTS_STAY: Final = timedelta(hours=1)
"""How long after a handing over a report may still be of the key before: clocks differ, and one was being made."""
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


def fault_in(keys: Sequence[ListedKey]) -> int | None:
    """The number of the first that does not stand where it says: a list that was changed leads nowhere.

    Each follows the one before it, is of the same programme, has not signed before, and says so itself; where the one
    before it did not hand over, there is a reason.
    """
    seen, before = set[str](), None
    for number, one in enumerate(keys, 1):
        right = one.number == number and is_signed(canonical(one.said), one.signed_by_itself, one.public_key)
        if before is None:
            right = right and not one.previous
        else:
            right = right and one.previous == before.public_key and one.programme == before.programme
            right = right and before.since <= one.since and before.first_seal <= one.first_seal
            right = right and (one.handed_over or (one.reason != "" and not one.signed_by_previous))
        if not right or one.public_key in seen:
            return one.number
        seen.add(one.public_key)
        before = one
    return None


def trusted(keys: Sequence[ListedKey], known: Collection[str]) -> set[str]:
    """Public keys that somebody who knows some of them has reason to believe, and those themselves."""
    found = set(known)
    if fault_in(keys) is not None:
        return found
    for one in (*keys, *reversed(keys)):
        if {one.public_key, one.previous} & found and one.handed_over:
            found |= {one.public_key, one.previous}
    return found


def _place(keys: Sequence[ListedKey], key_id: str) -> int | None:
    return next((place for place, one in enumerate(keys) if key_id_of(one.public_key) == key_id), None)


def is_its_turn(keys: Sequence[ListedKey], key_id: str, seal: int) -> bool:
    """Whether that seal was its to sign. A list that does not know the key says nothing against it."""
    at = _place(keys, key_id)
    if at is None:
        return True
    return keys[at].first_seal <= seal and all(seal < later.first_seal for later in keys[at + 1 : at + 2])


def is_its_report(keys: Sequence[ListedKey], key_id: str, known_at: datetime) -> bool:
    """Whether it may have signed what was known then. What a key signs of the time before it handed over, whoever has
    found it, no date tells apart.
    """
    at = _place(keys, key_id)
    later = keys[at + 1 : at + 2] if at is not None else ()
    return all(known_at <= datetime.fromisoformat(one.since) + REPORTS_STAY for one in later)


async def alone(session: WriteSession) -> None:
    """Nobody else seals or hands over until the transaction ends."""
    await session.execute(_ONE_AT_A_TIME)


async def signs(session: ReadSession, key: SealKey) -> bool:
    """Whether it signs now; False: once `take_key` has listed it. Raises SealKeyUnknown where nothing lists it."""
    keys = await listed_keys(session)
    if not keys:
        return _first(key, (await session.execute(_BEFORE)).one().key_id) is key
    return not _has_to_take_over(keys, key)


async def take_key(session: WriteSession, key: SealKey, *, now: datetime) -> str:
    """Before it signs, so that it is the last of the list: the first is listed, another one handed over to. Returns
    whose programme it is. Raises SealKeyUnknown for any other, also for one that has handed over.
    """
    await alone(session)
    keys = await listed_keys(session)
    if not keys:
        here = (await session.execute(_BEFORE)).one()
        first, moment = _first(key, here.key_id), here.first_at or now
        keys = [await _list(session, first, str(here.programme), None, moment=moment, first_seal=1)]
    if _has_to_take_over(keys, key):
        await _list(session, key, keys[-1].programme, keys[-1], moment=now, first_seal=await session.scalar(_NEXT))
        await _note(session, keys[-1], key, None, now)
    return keys[-1].programme


def _first(key: SealKey, sealed_with: str | None) -> SealKey:
    """sealed_with: the id of the key of the seals from before there was a list."""
    for one in (key.before, key):
        if one and sealed_with in (None, one.key_id):
            return one
    raise _unknown(key, str(sealed_with))


def _has_to_take_over(keys: Sequence[ListedKey], key: SealKey) -> bool:
    """keys: at least one. Raises SealKeyUnknown."""
    last = keys[-1].public_key
    if last == key.public_hex:
        return False
    has_signed = key.public_hex in {one.public_key for one in keys}
    if has_signed or key.before is None or key.before.public_hex != last:
        raise _unknown(key, key_id_of(last))
    return True


async def replace_lost_key(session: WriteSession, key: SealKey, *, reason: str, now: datetime) -> None:
    """At the owner's shell, where the last key is lost: the list goes on without its hand. Raises SealKeyUnknown where
    nothing is to be replaced, or it hands over by itself.
    """
    await alone(session)
    keys = await listed_keys(session)
    if not keys or key.public_hex in {one.public_key for one in keys}:
        raise SealKeyUnknown("请先把新的钥匙写进 SEAL_KEY：它不能是账本用过的钥匙。")
    if key.before and key.before.public_hex == keys[-1].public_key:
        raise SealKeyUnknown("原来的钥匙还在 SEAL_KEY_BEFORE 里，它会自己交接：不用这条命令。")
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
