"""A code is sent to a phone, comes back, and is used once: for an account that is made, or for one's own.

Every number is answered alike: nobody looks whether somebody has it before the code has come back.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, bindparam, text

from shop.access.contact import checked_phone
from shop.access.session.attempts import TooManyAttempts, key_of, reserve
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.keys import Keys
from shop.messages.queue_message import queue_message
from shop.messages.secret import id_of, is_code_of, token_of
from shop.messages.wording import OPENS
from shop.ui.i18n import Lang

CODE_LASTS: Final = timedelta(minutes=10)
PROOF_LASTS: Final = timedelta(hours=1)
"""After the code was asked for: as long as a form takes."""
CODES_MOST, CODES_A_DAY = 3, 10
"""To one phone, in the window of attempts and in a day."""
ADDRESS_CODES_MOST: Final = 20
"""From one network address in the window: each costs money."""
TRIES_MOST: Final = 5


class WrongCode(Problem):
    """Wrong, too old, tried too often or used: whoever guesses is told the same."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "code_wrong"
    title: ClassVar[str] = "验证码不对或已过期"

    def __init__(self) -> None:
        detail = "请核对短信里的六位数字；输错五次或过了十分钟，请重新获取。"
        super().__init__(detail, [Detail("/sms_code", WrongCode.code, detail)])


class PhoneNotProven(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "phone_not_proven"
    title: ClassVar[str] = "请先验证手机号"


@dataclass(frozen=True, slots=True)
class Sent:
    """id: what the code is confirmed under; it proves nothing by itself."""

    id: UUID
    expires_at: datetime


_PHONES: Final = bindparam("phones", type_=ARRAY(LargeBinary))
_TODAY: Final = text("""
SELECT count(*) AS codes, min(asked_at) AS first FROM phone_proof
WHERE phone_digest = ANY(:phones) AND asked_at > :since
""").bindparams(_PHONES)
_ASK: Final = text("""
INSERT INTO phone_proof (id, phone_digest, tries, asked_at, expires_at) VALUES (:id, :phone, 0, :wall, :until)
""")
_TRY: Final = text("""
UPDATE phone_proof SET tries = tries + 1
WHERE id = :id AND confirmed_at IS NULL AND expires_at > :wall AND tries < :most RETURNING id
""")
_CONFIRM: Final = text("UPDATE phone_proof SET confirmed_at = :wall WHERE id = :id")
_USE: Final = text("""
UPDATE phone_proof SET used_at = :wall
WHERE id = :id AND phone_digest = ANY(:phones) AND confirmed_at IS NOT NULL AND used_at IS NULL AND asked_at > :since
RETURNING id
""").bindparams(_PHONES)


async def send_code(database: Database, *, keys: Keys, phone: str, address: str, lang: Lang, now: datetime) -> Sent:
    """The same work and answer for every number. address: the caller's network address, kept as a keyed digest only.

    Raises BadContact, TooManyAttempts.
    """
    phone, wall = checked_phone(phone), clock.wall()
    digests = _digests(keys, phone)
    budgets = {key_of(keys, "phone", phone): CODES_MOST, key_of(keys, "codes", address): ADDRESS_CODES_MOST}
    sent = Sent(new_id(), wall + CODE_LASTS)
    async with database.transaction() as session:
        await reserve(session, budgets, now=wall)
        today = (await session.execute(_TODAY, {"phones": digests, "since": wall - timedelta(days=1)})).one()
        if today.codes >= CODES_A_DAY:
            wait = int((today.first + timedelta(days=1) - wall).total_seconds()) + 1
            raise TooManyAttempts("这个号码今天的验证码已经太多，请明天再试。", extra={"retry_after_s": wait})
        await session.execute(_ASK, {"id": sent.id, "phone": digests[0], "wall": wall, "until": sent.expires_at})
        await queue_message(
            session,
            channel="sms",
            to=phone,
            template="phone_code",
            values={OPENS: str(sent.id)},
            lang=lang,
            expires_at=sent.expires_at,
            now=now,
        )
    return sent


async def confirm_code(database: Database, *, keys: Keys, proof_id: UUID, code: str) -> str:
    """What proves the phone from now on, told once. Each try counts, whatever becomes of it. Raises WrongCode."""
    wall = clock.wall()
    async with database.transaction() as session:
        counted = await session.scalar(_TRY, {"id": proof_id, "wall": wall, "most": TRIES_MOST})
        right = is_code_of(keys, proof_id, code)
        if counted is not None and right:
            await session.execute(_CONFIRM, {"id": proof_id, "wall": wall})
    if counted is None or not right:
        raise WrongCode
    return token_of(keys, proof_id)


async def use_proof(session: WriteSession, *, keys: Keys, proof: str, phone: str) -> None:
    """Once, for the phone to which the code went; undone with the caller's transaction. phone: as `checked_phone` gives
    it. Raises PhoneNotProven.
    """
    wall = clock.wall()
    named = {"id": id_of(keys, proof), "phones": _digests(keys, phone)}
    if await session.scalar(_USE, named | {"wall": wall, "since": wall - PROOF_LASTS}) is None:
        detail = "请重新获取验证码：每次验证只对一个号码有效，只能用一次。"
        raise PhoneNotProven(detail, [Detail("/sms_code", PhoneNotProven.code, detail)])


def _digests(keys: Keys, phone: str) -> list[bytes]:
    """What it may be stored under, the newest first."""
    return [hmac.digest(key, phone.encode(), sha256) for key in keys.every("phones")]
