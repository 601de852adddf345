"""Papers that came with a delivery, kept with the line and the batch that they belong to (DOMAIN rules 19 and 21)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text

from orders.canteen.visibility import kitchen_of_order
from orders.evidence.cite import cited
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id

_LINE: Final = text("""
SELECT a.acceptance_id, a.payer_share_id, a.batch_number
FROM acceptance_line a JOIN acceptance x ON x.id = a.acceptance_id
WHERE x.order_id = :order AND a.line_id = :line
""").bindparams(bindparam("order", type_=Uuid), bindparam("line", type_=Uuid))
_ADD: Final = text("""
INSERT INTO canteen_paper (id, acceptance_id, line_id, payer_share_id, kind, batch_number, number, evidence_sha256,
    added_by, added_at)
VALUES (:id, :acceptance, :line, :share, :kind, :batch, :number, :sha, :by, :now) ON CONFLICT DO NOTHING RETURNING id
""").bindparams(
    *(bindparam(name, type_=Uuid) for name in ("id", "acceptance", "line", "share", "by")),
)


class NotCountedYet(Problem):
    status = 409
    code = "line_not_accepted"
    title = "这一行还没有验收，不能挂证件"


class BatchMissing(Problem):
    """Conformity and quarantine papers belong to a batch."""

    status = 422
    code = "batch_missing"
    title = "缺少批号"


@dataclass(frozen=True, slots=True)
class Paper:
    """batch_number: that of the accepted line when blank."""

    line_id: UUID
    kind: str
    evidence_sha256: str
    batch_number: str | None = None
    number: str | None = None


async def add_paper(session: WriteSession, *, actor: Actor, order_id: UUID, paper: Paper, now: datetime) -> None:
    """The same paper again is success. Raises NoSuchCanteenOrder, NotCountedYet, EvidenceUnknown, BatchMissing."""
    await kitchen_of_order(session, actor, order_id, clock.business_day(now), Permission.ACCEPTANCE_WRITE)
    line = (await session.execute(_LINE, {"order": order_id, "line": paper.line_id})).one_or_none()
    if line is None:
        raise NotCountedYet("请先验收，再上传这一批的证件。")
    await cited(session, actor, paper.evidence_sha256, field="evidence_sha256", day=clock.business_day(now))
    batch = paper.batch_number or line.batch_number
    if not batch:
        raise BatchMissing("请填写这份证件对应的批号。", [Detail("/batch_number", BatchMissing.code, "不能为空")])
    added = await session.scalar(
        _ADD,
        {
            "id": new_id(),
            "acceptance": line.acceptance_id,
            "line": paper.line_id,
            "share": line.payer_share_id,
            "kind": paper.kind,
            "batch": batch,
            "number": paper.number,
            "sha": paper.evidence_sha256,
            "by": actor.user_id,
            "now": now,
        },
    )
    if added:
        await record_change(
            session,
            actor_id=actor.user_id,
            action="canteen_paper.add",
            subject=f"order_line:{paper.line_id}",
            after={"kind": paper.kind, "batch_number": batch, "evidence_sha256": paper.evidence_sha256},
            now=now,
        )
