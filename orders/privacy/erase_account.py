"""Erasure on request (PIPL article 47): the account is closed and what need not stay goes at once. The ledger stays.

What a law makes the shop keep longer, such as where an order was sent, ends with its retention rule; the answer says
what, until when, and by which rule.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Final

from sqlalchemy import text

from orders.cart.erase import erase_cart
from orders.payment_desk.waiting import WAITING
from orders.privacy.personal import PERSONAL
from orders.privacy.retention import ends_after, rules_in_force
from shop.access.account.close_account import close_account
from shop.access.account.prove_password import WrongPassword, prove_password
from shop.access.permissions import Actor
from shop.access.who import is_office
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, WriteSession
from shop.core.errors import Detail, Problem
from shop.core.keys import Keys
from shop.core.window import not_ended
from shop.organisation.erase import erase_address_book


class ErasureBlocked(Problem):
    """The errors name what is still open."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "erasure_blocked"
    title: ClassVar[str] = "还有没有办完的事"


@dataclass(frozen=True, slots=True)
class Kept:
    """until: the first day on which it is gone; None: while he is on his union's list."""

    title: str
    until: date | None
    why: str


_LOCK = text("SELECT id FROM user_account WHERE id = :user AND state = 'active' FOR UPDATE")
_OPEN = text(f"""
SELECT
    (SELECT count(*) FROM shop_order o WHERE o.buyer_id = :user AND (o.state = 'placed'
        OR o.state NOT IN ('received', 'completed', 'cancelled', 'expired')
            AND o.placed_at > CAST(:now AS timestamptz) - interval '30 days')) AS orders,
    (SELECT count(*) FROM refund r JOIN shop_order o ON o.id = r.order_id
        WHERE o.buyer_id = :user AND r.state IN ('requested', 'submitted')) AS refunds,
    (SELECT count(*) FROM ({WAITING}) w JOIN shop_order o ON o.id = w.order_id WHERE o.buyer_id = :user) AS money,
    (SELECT count(*) FROM role_grant g WHERE g.user_id = :user AND {is_office("g")}
        AND {not_ended("g", ":day")}) AS roles
""")  # noqa: S608  # our own constant
_ON_A_LIST = text(f"""
SELECT EXISTS (SELECT FROM union_membership m WHERE m.person_id = :person AND {not_ended("m", ":day")})
""")  # noqa: S608
_NEWEST = text("SELECT max(placed_at) FROM shop_order WHERE buyer_id = :user")
_SAID: Final = {
    "orders": "有未完成的订单，请等收货或先取消",
    "refunds": "有退款还在路上",
    "money": "您付的一笔款还在等人处理，请先联系帮扶办",
    "roles": "您还担任职务，请先由管理员结束您的权限",
}
_GOES_AT_ONCE: Final = frozenset({"person", "user_account", "address", "sign_in_session", "message"})


async def erase_account(
    database: Database, *, keys: Keys, actor: Actor, password: str, address: str | None, now: datetime
) -> list[Kept]:
    """Close the caller's own account, once he has proven his password again; returns what stays, and until when.

    address: the caller's own (`own_address`). Raises what `prove_password` raises, and ErasureBlocked.
    """
    await prove_password(
        database, keys=keys, user_id=actor.user_id, password=password, address=address, wall=clock.wall()
    )
    async with database.transaction() as session:
        return await _erase(session, actor, now)


async def _erase(session: WriteSession, actor: Actor, now: datetime) -> list[Kept]:
    day = clock.business_day(now)
    who = {"person": actor.person_id, "user": actor.user_id}
    if await session.scalar(_LOCK, {"user": actor.user_id}) is None:
        raise WrongPassword("账号刚刚有变化，请重新登录。")
    open_ones = (await session.execute(_OPEN, who | {"day": day, "now": now})).mappings().one()
    wrong = [Detail(f"/{what}", "open", _SAID[what]) for what, count in open_ones.items() if count]
    if wrong:
        raise ErasureBlocked("；".join(one.detail for one in wrong) + "。", wrong)
    listed = bool(await session.scalar(_ON_A_LIST, {"person": actor.person_id, "day": day}))
    await close_account(session, user_id=actor.user_id, person_id=actor.person_id, listed=listed, now=now)
    await erase_address_book(session, person_id=actor.person_id)
    await erase_cart(session, owner_id=actor.user_id)
    kept = await _kept(session, actor, listed=listed, day=day)
    after: dict[str, Any] = {"kept": {one.title: one.until and str(one.until) for one in kept}}
    await record_change(
        session,
        actor_id=actor.user_id,
        action="person.erased",
        subject=f"user_account:{actor.user_id}",
        after=after,
        reason="本人申请",
        now=now,
    )
    return kept


async def _kept(session: WriteSession, actor: Actor, *, listed: bool, day: date) -> list[Kept]:
    """Of every kind that has something of him still: until when, and by which rule."""
    kept = [Kept("姓名、电话、工号", None, "您在工会名册里：由工会保存，离开后删除")] if listed else []
    newest: datetime | None = await session.scalar(_NEWEST, {"user": actor.user_id})
    since = clock.business_day(newest) if newest else day
    rules = await rules_in_force(session, day)
    for one in PERSONAL:
        if one.copy is None or not one.kind or one.table in _GOES_AT_ONCE or one.kind == "roster":
            continue
        requested = {name: value for name, value in
            {"person": actor.person_id, "user": actor.user_id}.items() if f":{name}" in one.copy}  # fmt: skip
        if await session.scalar(text(f"SELECT EXISTS ({one.copy})"), requested):  # our own literal table
            rule = rules[one.kind]
            kept.append(Kept(one.title, ends_after(since, rule), rule.source))
    return kept
