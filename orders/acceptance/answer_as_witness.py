"""Who was named as the second person says in the own session: it was me, or that was not me."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from orders.acceptance.problems import AlreadyAnswered
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Invalid, NotFound

WORDS_MOST = 500


@dataclass(frozen=True, slots=True)
class Signed:
    """One act of acceptance: a site, or the homes of a branch. id: of its first delivery's acceptance.

    answer: confirmed, not_me, or None while the second person said nothing. Pieces in milli-pieces.
    """

    id: UUID
    kind: str
    order_number: str
    received_by: str | None
    witnessed_by: str | None
    accepted_on: date
    deliveries: int
    accepted_milli: int
    gone_milli: int
    note: str | None
    answer: str | None
    words: str | None


# Homes are accepted together under one key: what is said about one of them is said about all.
_ACT = """
SELECT a.id, a.received_by, a.witnessed_by, a.accepted_on, a.kind, a.order_id, a.note, a.recorded_at,
    split_part(a.idempotency_key, '#', 1) AS key
FROM acceptance a
"""
_SIGNED = f"""
WITH mine AS ({_ACT} WHERE a.%s = :user ORDER BY a.recorded_at DESC LIMIT 5000),
acts AS (
    SELECT (array_agg(m.id ORDER BY m.id))[1] AS id, array_agg(m.id) AS ids, m.kind, m.order_id, m.received_by,
        m.witnessed_by, m.accepted_on, m.note, m.key, max(m.recorded_at) AS recorded_at, count(*) AS deliveries
    FROM mine m GROUP BY m.kind, m.order_id, m.received_by, m.witnessed_by, m.accepted_on, m.note, m.key
)
SELECT t.id, t.kind, o.number, r.name, w.name, t.accepted_on, t.deliveries,
    s.accepted::bigint, s.gone::bigint, t.note, n.answer, n.words
FROM acts t JOIN shop_order o ON o.id = t.order_id
JOIN user_account ru ON ru.id = t.received_by JOIN person r ON r.id = ru.person_id
JOIN user_account wu ON wu.id = t.witnessed_by JOIN person w ON w.id = wu.person_id
CROSS JOIN LATERAL (SELECT coalesce(sum(l.accepted_milli), 0) AS accepted,
    coalesce(sum(l.expected_milli - l.accepted_milli), 0) AS gone
    FROM acceptance_line l WHERE l.acceptance_id = ANY(t.ids)) s
LEFT JOIN acceptance_answer n ON n.acceptance_id = t.id
ORDER BY t.recorded_at DESC, t.id LIMIT :most
"""  # noqa: S608  # our own constant is put in
_AS_WITNESS, _AS_RECEIVER = text(_SIGNED % "witnessed_by"), text(_SIGNED % "received_by")
_SAY = text(f"""
WITH act AS ({_ACT} WHERE a.id = :acceptance AND a.witnessed_by = :user)
INSERT INTO acceptance_answer (acceptance_id, witness_id, answer, words, at)
SELECT a.id, :user, :answer, :words, :now FROM acceptance a JOIN act t ON a.received_by = t.received_by
    AND a.order_id = t.order_id AND a.witnessed_by = :user AND split_part(a.idempotency_key, '#', 1) = t.key
ORDER BY a.id ON CONFLICT DO NOTHING
RETURNING acceptance_id
""")  # noqa: S608  # our own words
_SAID = text("""
SELECT a.order_id, n.answer FROM acceptance a LEFT JOIN acceptance_answer n ON n.acceptance_id = a.id
WHERE a.id = :acceptance AND a.witnessed_by = :user
""")


async def signed_by(session: ReadSession, user_id: UUID, *, as_witness: bool, most: int = 50) -> list[Signed]:
    """The newest acts in which somebody was the second person, or the first."""
    found = await session.execute(_AS_WITNESS if as_witness else _AS_RECEIVER, {"user": user_id, "most": most})
    return [Signed(*row) for row in found]


async def answer_as_witness(
    session: WriteSession,
    *,
    actor: Actor,
    acceptance_id: UUID,
    answer: Literal["confirmed", "not_me"],
    words: str | None,
    now: datetime,
) -> None:
    """Say it once, with words where it is an objection; the same again is success.

    Credit stays: an objection is an audit row and a note for whoever checks. Raises NotFound for everybody else,
    Invalid, AlreadyAnswered.
    """
    said = (words or "").strip()[:WORDS_MOST] or None
    if answer == "not_me" and said is None:
        raise Invalid("请写一句说明，例如当天不在现场。")
    named = {"acceptance": acceptance_id, "user": actor.user_id}
    written = (await session.scalars(_SAY, named | {"answer": answer, "words": said, "now": now})).all()
    stands = (await session.execute(_SAID, named)).one_or_none()
    if stands is None:
        raise NotFound("没有这次验收。")
    if stands.answer != answer:
        raise AlreadyAnswered("已经答复过；有变化请与帮扶办联系。")
    if written:
        await record_change(
            session,
            actor_id=actor.user_id,
            action="acceptance.witness_confirmed" if answer == "confirmed" else "acceptance.witness_objected",
            subject=f"order:{stands.order_id}",
            after={"acceptances": [str(one) for one in sorted(written)], "answer": answer},
            reason=said,
            now=now,
        )
