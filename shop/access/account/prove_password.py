"""Who is signed in proves with the password that it is still he who asks."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.access.account.passwords import verify_password
from shop.access.security_event import TOLD, SecurityKind, note_security
from shop.access.session.attempts import ACCOUNT_MOST, ADDRESS_MOST, TooManyAttempts, forget, key_of, reserve
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Detail, Invalid
from shop.core.keys import Keys

_HASH: Final = text("SELECT password_hash FROM user_account WHERE id = :user AND state = 'active'")


class WrongPassword(Invalid):
    code = "wrong_password"
    title = "当前密码不对"


async def prove_password(
    database: Database, *, keys: Keys, user_id: UUID, password: str, address: str | None, wall: datetime
) -> str:
    """The hash that was found right: whoever changes the account asks that it is still the same. Opens its own short
    transactions; wrong ones are counted and noted as at the sign-in.
    address: as there. Raises WrongPassword, TooManyAttempts.
    """
    own = {key_of(keys, "proof", str(user_id)): ACCOUNT_MOST}
    shared = {key_of(keys, "address", address): ADDRESS_MOST} if address is not None else {}
    try:
        async with database.transaction() as session:
            await reserve(session, own | shared, now=wall)
            stored: str | None = await session.scalar(_HASH, {"user": user_id})
    except TooManyAttempts:
        await _note(database, "throttled", user_id)
        raise
    fits, _ = await verify_password(password, stored)
    if stored is None or not fits:
        await _note(database, "sign_in_refused", user_id)
        said = "请核对当前密码后再试；忘记了可以用邮件重设。"
        raise WrongPassword(said, [Detail("/current_password", WrongPassword.code, said)])
    async with database.transaction() as session:
        await forget(session, all_of=own, one_of=shared)
    return stored


async def _note(database: Database, kind: SecurityKind, user_id: UUID) -> None:
    subject = f"user_account:{user_id}"
    if TOLD.is_news(subject, f"proof {kind}"):
        await note_security(database, kind, subject=subject, facts={"kind": "proof"}, now=clock.now())
