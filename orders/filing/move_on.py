"""One guarded step of a filing, with its event and its line in the audit log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, text

from orders.filing.problems import FilingState
from orders.filing.states import may_become
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.ids import new_id

_MOVES = {
    "confirmed": """
        UPDATE filing SET state = 'confirmed', is_nil = :is_nil, direct_purchase_fen = :direct_purchase_fen,
            assisted_sale_fen = :assisted_sale_fen, credited_fen = :credited_fen, unverified_fen = :unverified_fen,
            not_counted_fen = :not_counted_fen, known_at = :known_at, report_digest = :digest,
            prepared_by = :actor, prepared_at = :now
        WHERE id = :id AND state = ANY(:before)
        RETURNING credited_fen, report_digest
    """,
    "signed": """
        UPDATE filing SET state = 'signed', signed_by = :actor, signed_at = :now
        WHERE id = :id AND state = ANY(:before) AND report_digest = :digest AND prepared_by <> :actor
        RETURNING credited_fen, report_digest
    """,
    "sent_back": """
        UPDATE filing SET state = 'sent_back', signed_by = NULL, signed_at = NULL
        WHERE id = :id AND state = ANY(:before)
        RETURNING credited_fen, report_digest
    """,
}
_GUARDED = {
    state: text(statement).bindparams(bindparam("before", type_=ARRAY(Text))) for state, statement in _MOVES.items()
}
_EVENT = text("""
INSERT INTO filing_event (id, filing_id, kind, actor_id, at, words, report_digest, credited_fen)
VALUES (:id, :filing, :kind, :actor, :now, :words, :digest, :fen)
""")


async def move_on(
    session: WriteSession,
    *,
    filing_id: UUID,
    state: str,
    to: str,
    actor_id: UUID,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
    kind: str | None = None,
    words: str | None = None,
) -> None:
    """state: as it was read. kind: of the event, where it is not that of the state. Raises FilingState."""
    named = {"id": filing_id, "before": may_become(to), "actor": actor_id, "now": now} | dict(facts or {})
    moved = (await session.execute(_GUARDED[to], named)).one_or_none()
    if moved is None:
        raise FilingState("请刷新页面，看看现在到了哪一步。")
    await note(
        session,
        filing_id=filing_id,
        kind=kind or to,
        actor_id=actor_id,
        now=now,
        words=words,
        digest=moved.report_digest,
        fen=moved.credited_fen,
        state=state,
    )


async def note(
    session: WriteSession,
    *,
    filing_id: UUID,
    kind: str,
    actor_id: UUID,
    now: datetime,
    words: str | None,
    digest: str | None,
    fen: int,
    state: str,
) -> None:
    """The event of a step or a reminder. fen: the figure it is about; state: before it."""
    event = {"filing": filing_id, "kind": kind, "words": words, "digest": digest, "fen": fen}
    await session.execute(_EVENT, event | {"id": new_id(), "actor": actor_id, "now": now})
    await record_change(
        session,
        actor_id=actor_id,
        action=f"filing.{kind}",
        subject=f"filing:{filing_id}",
        before={"state": state},
        after={"credited_fen": fen, "report_digest": digest},
        reason=words,
        now=now,
    )
