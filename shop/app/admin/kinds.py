"""What takes two people: a row each says what is asked for, whom it concerns and how it is carried out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, StringConstraints

from catalog.county.succeed import succeed
from orders.audit.schemas import Day, MandateIn, RetentionIn
from orders.credit.add_rules import NewRule as NewCountingRule
from orders.credit.add_rules import add_rules as add_counting
from orders.credit.add_rules import end_rule as end_counting
from orders.credit.schemas import CreditEndIn as EndCountingIn
from orders.credit.schemas import CreditRuleIn as CountingIn
from orders.intake.schemas import ChannelIn
from orders.intake.set_channel import NewChannel, set_channel
from orders.integrity.schemas import ThresholdIn
from orders.integrity.thresholds import set_threshold
from orders.privacy.retention import add_rule as add_retention
from orders.spending.add_rules import add_rules as add_spending
from orders.spending.add_rules import end_rule as end_spending
from orders.spending.queries import union_of_rule, units_of_union
from orders.spending.rule import NewRule as NewSpendingRule
from orders.spending.schemas import SpendingEndIn as EndSpendingIn
from orders.spending.schemas import SpendingRuleIn as SpendingIn
from shop.access.account.void_password import By, void_password
from shop.access.permissions import Grant, Permission, Role, ScopeKind
from shop.access.users import BadScope, NoSuchUser, grant_role, reinstate, user_id_of
from shop.app.admin.people import place_of
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail
from shop.core.paging import NO_NUL
from shop.organisation.authority import EVERYBODY, Place, of_units
from shop.organisation.grant_mandate import NewMandate, grant_mandate

CountyCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class EndCounting(EndCountingIn):
    rule_id: UUID


class EndSpending(EndSpendingIn):
    rule_id: UUID


class RoleGrantIn(BaseModel):
    """email: of the account. scope_id: a unit's or supplier's id, a county's code, `*` for scope `all`."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, StringConstraints(min_length=3, max_length=200, pattern=NO_NUL)]
    role: Role
    scope_kind: ScopeKind
    scope_id: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=NO_NUL)]
    valid_from: Day
    valid_to: Day | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=NO_NUL)]


class PasswordResetIn(BaseModel):
    """by: `mail`, a link to the account's verified address; `code`, told once to who approves, to be handed over."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=NO_NUL)]
    by: By = "mail"


class PasswordReset(PasswordResetIn):
    user_id: UUID


class SuccessionIn(BaseModel):
    """code, successor_code: six digits. valid_from: the first day of the new code. source: the announcement."""

    model_config = ConfigDict(extra="forbid")

    code: CountyCode
    successor_code: CountyCode
    valid_from: Day
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=NO_NUL)]


class ReinstateIn(BaseModel):
    """Of a suspended account: it may sign in again, with the roles that it has."""

    model_config = ConfigDict(extra="forbid")

    user_id: UUID
    reason: Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=NO_NUL)]


@dataclass(frozen=True, slots=True)
class Kind:
    """title: for people. permission, place: what both people must hold, and where. requested: shape of what is asked
    for. carry_out: who asked for it stands as its author; what it returns is told once to who approves. not_for: an
    account that may neither ask nor approve. cites: the field that names a paper.
    """

    title: str
    permission: Permission
    requested: type[BaseModel]
    place: Callable[[ReadSession, Any, date], Awaitable[Place]]
    carry_out: Callable[[WriteSession, UUID, Any, datetime], Awaitable[str | None]]
    not_for: Callable[[ReadSession, Any], Awaitable[UUID | None]] | None = None
    cites: str | None = None


async def _everybody(_: ReadSession, __: Any, ___: date) -> Place:
    return EVERYBODY


async def _of_union(session: ReadSession, requested: SpendingIn, day: date) -> Place:
    return await units_of_union(session, requested.union_id, day=day)


async def _of_rule(session: ReadSession, requested: EndSpending, day: date) -> Place:
    return await units_of_union(session, await union_of_rule(session, requested.rule_id), day=day)


async def _add_counting(session: WriteSession, actor_id: UUID, requested: CountingIn, now: datetime) -> None:
    await add_counting(session, actor_id=actor_id, rules=[NewCountingRule(**requested.model_dump())], now=now)


async def _end_counting(session: WriteSession, actor_id: UUID, requested: EndCounting, now: datetime) -> None:
    await end_counting(session, actor_id=actor_id, **requested.model_dump(), now=now)


async def _add_spending(session: WriteSession, actor_id: UUID, requested: SpendingIn, now: datetime) -> None:
    rule = msgspec.convert(requested.model_dump(), NewSpendingRule)
    await add_spending(session, actor_id=actor_id, rules=[rule], now=now)


async def _end_spending(session: WriteSession, actor_id: UUID, requested: EndSpending, now: datetime) -> None:
    await end_spending(session, actor_id=actor_id, **requested.model_dump(), now=now)


async def _set_threshold(session: WriteSession, actor_id: UUID, requested: ThresholdIn, now: datetime) -> None:
    await set_threshold(session, actor_id=actor_id, **requested.model_dump(), now=now)


async def _add_retention(session: WriteSession, actor_id: UUID, requested: RetentionIn, now: datetime) -> None:
    await add_retention(session, actor_id=actor_id, **requested.model_dump(), now=now)


async def _succeed(session: WriteSession, actor_id: UUID, requested: SuccessionIn, now: datetime) -> None:
    await succeed(session, actor_id=actor_id, **requested.model_dump(), now=now)


async def _set_channel(session: WriteSession, actor_id: UUID, requested: ChannelIn, now: datetime) -> None:
    await set_channel(session, actor_id=actor_id, requested=NewChannel(**requested.model_dump()), now=now)


async def _of_mandate(_: ReadSession, requested: MandateIn, __: date) -> Place:
    return of_units(*requested.unit_ids)


async def _grant_mandate(session: WriteSession, actor_id: UUID, requested: MandateIn, now: datetime) -> None:
    await grant_mandate(session, actor_id=actor_id, requested=NewMandate(**requested.model_dump()), now=now)


async def _of_grant(_: ReadSession, requested: RoleGrantIn, __: date) -> Place:
    if requested.scope_kind != "unit":
        return EVERYBODY
    try:
        return of_units(UUID(requested.scope_id))
    except ValueError as error:
        raise BadScope("单位编号不对。", [Detail("/scope_id", BadScope.code, "单位编号不对")]) from error


async def _grant_role(session: WriteSession, actor_id: UUID, requested: RoleGrantIn, now: datetime) -> None:
    await grant_role(
        session,
        actor_id=actor_id,
        user_id=await user_id_of(session, requested.email),
        grant=Grant(requested.role, requested.scope_kind, requested.scope_id),
        valid_from=requested.valid_from,
        valid_to=requested.valid_to,
        reason=requested.reason,
        now=now,
    )


async def _reinstate(session: WriteSession, actor_id: UUID, requested: ReinstateIn, now: datetime) -> None:
    await reinstate(session, actor_id=actor_id, user_id=requested.user_id, reason=requested.reason, now=now)


async def _its_account(session: ReadSession, requested: RoleGrantIn) -> UUID:
    return await user_id_of(session, requested.email)


async def _its_auditor(session: ReadSession, requested: MandateIn) -> UUID | None:
    try:
        return await user_id_of(session, requested.auditor)
    except NoSuchUser:
        return None  # said by the verb, with its field


async def _of_account(session: ReadSession, requested: PasswordReset | ReinstateIn, day: date) -> Place:
    """Whoever is handed a code could sign in with it: he must answer for every unit that the account tells of."""
    handed = isinstance(requested, PasswordReset) and requested.by == "code"
    return await place_of(session, requested.user_id, day, ever=handed)


async def _reset_password(session: WriteSession, actor_id: UUID, requested: PasswordReset, now: datetime) -> str | None:
    return await void_password(session, asked_by=actor_id, **requested.model_dump(), now=now)


async def _that_account(_: ReadSession, requested: PasswordReset | ReinstateIn) -> UUID:
    return requested.user_id


_RULE: Final = Permission.RULE_WRITE
_PAPER: Final = "document_sha256"
"""The field that cites a paper."""
RULES: Final[Mapping[str, Kind]] = {
    "counting_rule.add": Kind("新的计入口径", _RULE, CountingIn, _everybody, _add_counting),
    "counting_rule.end": Kind("结束计入口径", _RULE, EndCounting, _everybody, _end_counting),
    "spending_rule.add": Kind("新的使用规则", _RULE, SpendingIn, _of_union, _add_spending),
    "spending_rule.end": Kind("结束使用规则", _RULE, EndSpending, _of_rule, _end_spending),
    "flag_threshold.set": Kind("疑点阈值", _RULE, ThresholdIn, _everybody, _set_threshold),
    "sales_channel.set": Kind("外部销售渠道", _RULE, ChannelIn, _everybody, _set_channel),
    "retention_rule.add": Kind("个人信息保存期限", _RULE, RetentionIn, _everybody, _add_retention, cites=_PAPER),
}
PEOPLE: Final = Permission.USER_ADMINISTER
MANDATES: Final[Mapping[str, Kind]] = {
    "audit_mandate.grant": Kind("审计委托", PEOPLE, MandateIn, _of_mandate, _grant_mandate, _its_auditor, _PAPER)
}
GRANTS: Final[Mapping[str, Kind]] = {
    "role.grant": Kind("授予角色", PEOPLE, RoleGrantIn, _of_grant, _grant_role, _its_account),
    "user.reinstate": Kind("恢复停用的账号", PEOPLE, ReinstateIn, _of_account, _reinstate, _that_account),
}
RESETS: Final[Mapping[str, Kind]] = {
    "password.reset": Kind("重设密码", PEOPLE, PasswordReset, _of_account, _reset_password, _that_account)
}
SUCCESSIONS: Final[Mapping[str, Kind]] = {
    "county.succeed": Kind("县级代码变更", _RULE, SuccessionIn, _everybody, _succeed)
}
KINDS: Final[Mapping[str, Kind]] = {**RULES, **MANDATES, **GRANTS, **RESETS, **SUCCESSIONS}
