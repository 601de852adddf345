"""A branch confirms its own figure of the month, as its report shows it now, or files nil."""

from datetime import datetime
from uuid import UUID

from orders.filing.move_on import move_on
from orders.filing.problems import NotNil
from orders.filing.visibility import filing_for
from orders.report.publish import publish
from orders.report.question import Question
from orders.report.sales import sales
from orders.seal.key import SealKey
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database


def question_of(unit_id: UUID, month: int, known_at: datetime | None = None) -> Question:
    """What a filing states: the unit with all below it, for the whole accounting month, by day of the event."""
    following = clock.add_months(month, 1)
    return Question(since=clock.first_of(month), until=clock.first_of(following), unit=unit_id, known_at=known_at)


async def confirm(
    database: Database, *, actor: Actor, round_id: UUID, unit_id: UUID, nil: bool, key: SealKey, now: datetime
) -> None:
    """The report is published like any other, so that its digest can be checked by anybody.

    Raises NotFound, FilingState for a signed one, NotNil where the month has figures.
    """
    async with database.reading() as session:
        filing = await filing_for(session, actor, Permission.FILING_WRITE, round_id, unit_id, now=now)
    async with database.long_reads:
        report = await sales(database, question_of(unit_id, filing.month), actor=actor, now=now)
    not_counted_fen = sum(report.not_counted.values())
    totals = report.totals
    if nil and (totals.credited_fen or totals.unverified_fen or not_counted_fen):
        raise NotNil("请改为确认数字；数字不对的，先去更正台更正。")
    document = await publish(database, report, key, by=actor.user_id, now=now)
    async with database.transaction() as session:
        await move_on(
            session,
            filing_id=filing.id,
            state=filing.state,
            to="confirmed",
            actor_id=actor.user_id,
            now=now,
            kind="nil" if nil else None,
            facts={
                "is_nil": nil,
                "direct_purchase_fen": totals.direct_purchase_fen,
                "assisted_sale_fen": totals.assisted_sale_fen,
                "credited_fen": totals.credited_fen,
                "unverified_fen": totals.unverified_fen,
                "not_counted_fen": not_counted_fen,
                "known_at": report.known.at,
                "digest": document["digest"],
            },
        )
