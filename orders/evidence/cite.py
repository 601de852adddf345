"""A paper is cited by its digest: only one that the caller may see. A digest is no right."""

from datetime import date
from typing import ClassVar

from orders.evidence.queries import paper_seen_by
from shop.access.permissions import Actor
from shop.core.database import ReadSession
from shop.core.errors import Detail, NotFound, Problem


class EvidenceUnknown(Problem):
    """Nobody kept it, or it was brought for somebody else: the answer is the same."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "evidence_unknown"
    title: ClassVar[str] = "没有这份材料"


async def cited(session: ReadSession, actor: Actor, sha256: str | None, *, field: str, day: date) -> None:
    """field: of the request, for the pointer. None cites nothing. Raises EvidenceUnknown."""
    if sha256 is None:
        return
    try:
        await paper_seen_by(session, actor, sha256, day=day)
    except NotFound as error:
        said = "没有这份材料，或者它不是您或本单位上传的"
        raise EvidenceUnknown(
            "请先上传材料，再填写它的 SHA-256。", [Detail(f"/{field}", EvidenceUnknown.code, said)]
        ) from error
