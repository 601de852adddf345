"""A sample is drawn by a seed: anybody who has the population draws the same lines."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.audit.lines import within
from orders.audit.visibility import mandate_for
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id


class NothingToDraw(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "nothing_to_draw"
    title: ClassVar[str] = "委托范围内这段时间没有销售"


# By the digest of the seed and the line's id, written as text: no line is likelier than another, none is chosen.
_DRAW = text("""
WITH lines AS (
    SELECT DISTINCT e.order_line_id AS id FROM credit_entry e
    WHERE e.period_month BETWEEN :first AND :last AND e.occurred_on >= :since AND e.occurred_on < :until
        AND e.unit_path && CAST(:units AS uuid[]) AND e.kind = 'sale'
), ranked AS (
    SELECT id, sha256(convert_to(CAST(:seed AS text) || id::text, 'UTF8')) AS rank FROM lines
), drawn AS (SELECT id, rank FROM ranked ORDER BY rank LIMIT :size)
INSERT INTO audit_sample (id, mandate_id, since, until, size, seed, population, line_ids, drawn_by, drawn_at)
SELECT :sample, :mandate, :since, :until, :size, :seed, (SELECT count(*) FROM lines),
    (SELECT array_agg(id ORDER BY rank) FROM drawn), :actor, :now
WHERE EXISTS (SELECT FROM lines)
RETURNING id, population
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))


async def draw_sample(
    session: WriteSession, *, actor: Actor, since: date, until: date, size: int, seed: str, now: datetime
) -> UUID:
    """Of order lines sold on [since, until), within the mandate. Raises NoMandate, NothingToDraw."""
    mandate = await mandate_for(session, actor, now=now)
    facts = within(mandate, since, until)
    if facts["since"] >= facts["until"]:
        raise NothingToDraw("请把日期放在委托书覆盖的期间之内。")
    facts |= {"size": size, "seed": seed, "sample": new_id(), "mandate": mandate.id}
    drawn = (await session.execute(_DRAW, facts | {"actor": actor.user_id, "now": now})).one_or_none()
    if drawn is None:
        raise NothingToDraw("请换一段时间。")
    await record_change(
        session,
        actor_id=actor.user_id,
        action="audit.sample_drawn",
        subject=f"audit_mandate:{mandate.id}",
        after={"sample": str(drawn.id), "size": size, "seed": seed, "population": drawn.population},
        now=now,
    )
    sample: UUID = drawn.id
    return sample
