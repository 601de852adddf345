"""Run the three-way balance, and keep what it found: what is new, what is still there, what was healed."""

from dataclasses import replace
from datetime import datetime, time
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import text

from orders.aftersales.dispute import follow_disputes
from orders.aftersales.give_back import follow
from orders.balance.compare import Compared, compare
from shop.adapters.stripe.gateway import DisputeSeen, PaymentGateway, RefundSeen
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.ids import new_id
from shop.core.locks import Lock
from shop.core.rows import as_rows

_ONE_AT_A_TIME = text(f"SELECT pg_advisory_xact_lock({Lock.BALANCE})")
_YOUNGER = text("SELECT EXISTS (SELECT FROM balance_run WHERE balanced_at > :at)")
_KEEP = text("""
INSERT INTO balance_run (id, balanced_at, holds, identities, differences, open_items, unsealed, requested_by)
VALUES (:id, :at, :holds, CAST(:identities AS jsonb), :differences, :open_items, :unsealed, :requested_by)
""")
# Whose unit it is: that of the order, or of the payer's share of it; of the desk that brought a receipt; or the one
# that a sale made elsewhere is credited to.
_NAME = text("""
WITH seen AS (
    SELECT *, split_part(subject, ':', 1) AS of, split_part(subject, ':', 2) AS key
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, code text, subject text, amount bigint, said text,
        owner text, reason text, measure text, unit_id uuid, waits boolean)
), keyed AS (
    SELECT *, CASE WHEN of IN ('order', 'component', 'refund', 'payment', 'share', 'receipt')
        AND key ~ '^[0-9a-f-]{36}$' THEN key::uuid END AS about FROM seen
), placed AS (
    SELECT k.*, coalesce(k.unit_id, y.unit_id, o.unit_id, b.unit_id, a.unit_id) AS whose FROM keyed k
    LEFT JOIN share_component c ON k.of = 'component' AND c.id = k.about
    LEFT JOIN refund r ON k.of = 'refund' AND r.id = k.about
    LEFT JOIN payment p ON k.of = 'payment' AND p.id = k.about
    LEFT JOIN payer_share y ON k.of = 'share' AND y.id = k.about
    LEFT JOIN bank_transfer t ON k.of = 'receipt' AND t.id = k.about LEFT JOIN bank_statement b ON b.id = t.statement_id
    LEFT JOIN attribution a ON k.of = 'component' AND a.id = k.about
    LEFT JOIN shop_order o ON o.id = coalesce(c.order_id, r.order_id, p.order_id, y.order_id,
        CASE WHEN k.of = 'order' THEN k.about END)
)
INSERT INTO balance_difference (id, code, subject, unit_id, amount, measure, said, owner, reason, waits, first_run_id,
    first_seen_at, last_run_id, last_seen_at)
SELECT id, code, subject, whose, amount, measure, said, owner, reason, waits, :run, :at, :run, :at FROM placed
ON CONFLICT (code, subject) WHERE closed_at IS NULL DO UPDATE SET amount = excluded.amount, said = excluded.said,
    owner = excluded.owner, reason = excluded.reason, waits = excluded.waits, last_run_id = excluded.last_run_id,
    last_seen_at = excluded.last_seen_at
""")
_HEAL = text("""
UPDATE balance_difference SET closed_at = :at, closed_run_id = :run
WHERE closed_at IS NULL AND last_run_id <> :run AND NOT code = ANY(CAST(:unsure AS text[]))
""")
_DONE = text("SELECT EXISTS (SELECT FROM balance_run WHERE requested_by IS NULL AND balanced_at >= :since)")

_log = structlog.get_logger(__name__)


async def run_balance(
    database: Database, gateway: PaymentGateway, *, now: datetime, requested_by: UUID | None = None
) -> UUID:
    """Compare everything as of now and keep it; returns the run's id. requested_by None: the shop itself."""
    found = await compare(database, gateway, now=now)
    async with database.transaction() as session:
        run = await keep_run(session, found, requested_by=requested_by)
    await hear(database, found)
    return run


async def hear(database: Database, found: Compared) -> None:
    """Follow what the provider said of refunds and disputes: events may be lost, and the desk must know all the same.

    Each in a transaction of its own, after the run is kept: one that cannot be followed stops nothing.
    """
    heard: list[RefundSeen | DisputeSeen] = [*found.news, *found.disputes]
    for one in heard:
        try:
            async with database.transaction() as session:
                if isinstance(one, DisputeSeen):
                    await follow_disputes(session, [one], now=found.at)
                else:
                    await follow(session, [one], now=found.at)
        except Exception as error:  # noqa: BLE001  # told in the log; the next run tries it again
            _log.error("provider_object_not_followed", trouble=type(error.__cause__ or error).__name__)


async def keep_run(session: WriteSession, found: Compared, *, requested_by: UUID | None) -> UUID:
    """Keep a run. Of two at once, the one that looked earlier changes no difference that the later one knew."""
    run = new_id()
    await session.execute(_ONE_AT_A_TIME)
    overtaken = await session.scalar(_YOUNGER, {"at": found.at})
    await session.execute(
        _KEEP,
        {
            "id": run,
            "at": found.at,
            "holds": found.holds,
            "identities": msgspec.json.encode(found.identities_json()).decode(),
            "differences": len(found.differences),
            "open_items": len(found.open_items),
            "unsealed": found.unsealed,
            "requested_by": requested_by,
        },
    )
    if not overtaken:
        named = {"run": run, "at": found.at}
        unique = {(one.code, one.subject): one for one in found.open_items}
        for one in found.differences:  # what is wrong is named before what only waits, and both know whose it is
            same = unique.get((one.code, one.subject))
            unique[one.code, one.subject] = replace(one, unit_id=same.unit_id) if same else one
        rows = as_rows(msgspec.to_builtins(one) | {"id": str(new_id())} for one in unique.values())
        await session.execute(_NAME, named | {"rows": rows})
        await session.execute(_HEAL, named | {"unsure": sorted(found.unsure)})
    if not found.holds:
        _log.error("books_differ", run_id=str(run), differences=len(found.differences))
    return run


async def balance_nightly(database: Database, gateway: PaymentGateway, *, now: datetime) -> None:
    """Once a business day, as soon as it has begun."""
    since = datetime.combine(clock.business_day(now), time(), clock.SHANGHAI)
    async with database.reading() as session:
        if await session.scalar(_DONE, {"since": since}):
            return
    await run_balance(database, gateway, now=now)
