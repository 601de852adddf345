"""An administrator registers an engagement letter: who audits whom, for which days, until when."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from shop.access.who import is_named
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id


class MandateRefused(Problem):
    """`errors[]` says what is wrong."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "mandate_refused"
    title: ClassVar[str] = "审计委托不能登记"


@dataclass(frozen=True, slots=True)
class NewMandate:
    """Business days, each period half-open. auditor: the e-mail address of an account with the auditor's role."""

    auditor: str
    unit_ids: list[UUID]
    covers_from: date
    covers_to: date
    valid_from: date
    valid_to: date
    document_sha256: str


_AUDITOR = text(f"""
SELECT u.id FROM user_account u
WHERE {is_named("u", "lower(:email)")} AND u.state = 'active'
    AND EXISTS (SELECT FROM role_grant g WHERE g.user_id = u.id AND g.role = 'auditor')
""")  # noqa: S608  # our own words
_UNKNOWN = text("""
SELECT count(*) FROM unnest(CAST(:units AS uuid[])) AS requested (id)
WHERE NOT EXISTS (SELECT FROM unit WHERE unit.id = requested.id)
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))
_GRANT = text("""
INSERT INTO audit_mandate (id, auditor_id, unit_ids, covers_from, covers_to, valid_from, valid_to, document_sha256,
    granted_by, granted_at)
VALUES (:id, :auditor, :units, :covers_from, :covers_to, :valid_from, :valid_to, :document_sha256, :actor, :now)
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))


async def grant_mandate(session: WriteSession, *, actor_id: UUID, requested: NewMandate, now: datetime) -> UUID:
    """Dated and never altered: another letter is another mandate. Raises MandateRefused."""
    auditor = await session.scalar(_AUDITOR, {"email": requested.auditor})
    if auditor is None:
        raise _refused("auditor", "没有这个审计账号，请先授予审计角色")
    if auditor == actor_id:
        raise _refused("auditor", "不能给自己登记审计委托")
    if await session.scalar(_UNKNOWN, {"units": requested.unit_ids}):
        raise _refused("unit_ids", "有查不到的单位")
    dates: dict[str, Any] = {
        name: getattr(requested, name) for name in ("covers_from", "covers_to", "valid_from", "valid_to")
    }
    facts = dates | {"id": new_id(), "auditor": auditor, "units": requested.unit_ids}
    facts |= {"document_sha256": requested.document_sha256, "actor": actor_id, "now": now}
    await session.execute(_GRANT, facts)
    await record_change(
        session,
        actor_id=actor_id,
        action="audit.mandate_granted",
        subject=f"audit_mandate:{facts['id']}",
        after={name: str(day) for name, day in dates.items()}
        | {
            "auditor_id": str(auditor),
            "unit_ids": [str(one) for one in requested.unit_ids],
            "document_sha256": requested.document_sha256,
        },
        now=now,
    )
    granted: UUID = facts["id"]
    return granted


def _refused(field: str, said: str) -> MandateRefused:
    return MandateRefused("请核对后再提交。", [Detail(f"/{field}", MandateRefused.code, said)])
