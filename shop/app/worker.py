"""The worker: a table of jobs in one loop. Any number of workers may run: each sweep is safe beside itself."""

import asyncio
import os
import random
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from time import perf_counter

import structlog
from sqlalchemy import text

import catalog.listing.jobs
import catalog.product.jobs
import orders.allowance.jobs
import orders.balance.run
import orders.bulk.choice.freeze_choices
import orders.bulk.receiving.protect_price
import orders.canteen.jobs
import orders.cart.jobs
import orders.checkout.jobs
import orders.credit.ahead
import orders.credit.jobs
import orders.funds.jobs
import orders.intake.pull
import orders.integrity.scan
import orders.month.add
import orders.privacy.retention
import orders.report.thin
import orders.report.tick
import orders.seal.jobs
import orders.switchboard
import shop.access.account.ask_reset
import shop.access.jobs
import shop.organisation.claims
from shop.adapters.stripe.gateway import PaymentGateway
from shop.adapters.stripe.open import open_payments
from shop.app.home.operator import operators_door
from shop.core import clock, telemetry
from shop.core.database import WORKER_POOL, Database, open_database
from shop.core.idempotency import forget_answers
from shop.core.keys import keys_of
from shop.core.postgres.connection import WORK_POOL_SECONDS
from shop.core.postgres.database_role import refuse_strong_role
from shop.core.postgres.replica import replica_watched
from shop.core.sandbox_clock import read_clock
from shop.core.settings import Settings
from shop.messages.deliver import deliver_due
from shop.messages.senders import check_addresses

BEAT_SECONDS = 5
LONGEST_WAIT_SECONDS = 60
PATIENCE_SECONDS = 20  # for jobs under way when the worker is told to stop

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """run: one sweep; it re-reads what it works on. After an error it waits ever longer, and stops nothing else."""

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[object]]


def jobs(settings: Settings, database: Database, gateway: PaymentGateway) -> tuple[Job, ...]:
    """All that happens by itself."""
    return (
        Job("heartbeat", BEAT_SECONDS, lambda: beat(database)),
        Job("listing", 0.5, lambda: catalog.listing.jobs.refresh_touched(database)),
        Job("inbox", 0.5, lambda: orders.switchboard.handle_inbox(database, gateway, now=clock.now())),
        Job("reconcile", 20, lambda: orders.switchboard.reconcile(database, gateway, now=clock.now())),
        Job("expire", 1, lambda: orders.checkout.jobs.expire_due(database, gateway, now=clock.now())),
        Job("fold", 0.5, lambda: orders.credit.jobs.fold_deltas(database)),
        Job("months", 2, lambda: orders.credit.ahead.keep_ahead(database, now=clock.now())),
        Job("unit_months", 600, lambda: orders.month.add.add_ahead(database, now=clock.now())),
        Job("tick", orders.report.tick.EVERY_SECONDS, lambda: orders.report.tick.tick(database)),
        Job("thin_ticks", 3600, lambda: orders.report.thin.thin_ticks(database, now=clock.now())),
        Job("seal", 600, lambda: orders.seal.jobs.seal_what_is_new(database, settings)),
        Job("allowances", 5, lambda: orders.allowance.jobs.give_back_left(database, now=clock.now())),
        Job("prove", 600, lambda: orders.funds.jobs.prove_nightly(database, now=clock.now())),
        Job("balance", 600, lambda: orders.balance.run.balance_nightly(database, gateway, now=clock.now())),
        Job("flags", 6 * 3600, lambda: orders.integrity.scan.scan_all(database, now=clock.now())),
        Job("successors", 3600, lambda: catalog.product.jobs.follow_successors(database)),
        Job("pull_channels", 600, lambda: orders.intake.pull.pull_channels(database, settings)),
        Job("overdue", 3600, lambda: orders.canteen.jobs.mark_overdue(database, now=clock.now())),
        Job("freeze_choices", 1, lambda: orders.bulk.choice.freeze_choices.freeze_due(database, now=clock.now())),
        Job("protect_prices", 600, lambda: orders.bulk.receiving.protect_price.protect_due(database, now=clock.now())),
        Job("resets", 0.5, lambda: shop.access.account.ask_reset.answer_resets(database, now=clock.now())),
        Job("messages", 0.5, lambda: deliver_due(database, settings)),
        Job("retention", 3600, lambda: orders.privacy.retention.erase_due(database, now=clock.now())),
        Job("forget_carts", 3600, lambda: orders.cart.jobs.forget_carts(database, now=clock.now())),
        Job("expire_claims", 3600, lambda: shop.organisation.claims.expire_claims(database, now=clock.now())),
        Job("forget_sign_ins", 3600, lambda: shop.access.jobs.forget_old(database)),
        Job("forget_answers", 3600, lambda: forget_answers(database)),
        Job("forget_workers", 3600, lambda: forget_dead_workers(database)),
    )


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Work until told to stop; then let what is under way end.

    Raises AddressWrong, KeysLocked, NoProgramme.
    """
    check_addresses(settings)
    async with AsyncExitStack() as stack:
        database = await open_database(settings, most=WORKER_POOL, hot=1, wait=WORK_POOL_SECONDS)
        stack.push_async_callback(database.close)
        if settings.production:
            await refuse_strong_role(database)
        await keys_of(database, settings)
        await stack.enter_async_context(replica_watched(database))
        if settings.worker_operator_port is not None:
            await stack.enter_async_context(operators_door(settings, database, port=settings.worker_operator_port))
        payments = await stack.enter_async_context(open_payments(settings, database, now=clock.now))
        before = None if settings.production else (lambda: read_clock(database))
        table = jobs(settings, database, payments.gateway)
        tasks = [asyncio.create_task(repeat(job, stop, before), name=job.name) for job in table]
        _log.info("worker_started", jobs=len(tasks))
        await stop.wait()
        _, late = await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        _log.info("worker_stopped", cut=[task.get_name() for task in late])


async def repeat(job: Job, stop: asyncio.Event, before: Callable[[], Awaitable[None]] | None = None) -> None:
    """Run a job until told to stop. before: in development, what sets the clock."""
    failures = 0
    telemetry.SWEEP_EVERY.labels(job.name).set(job.every_seconds)
    done_at = telemetry.SWEEP_DONE.labels(job.name)
    done_at.set(clock.wall().timestamp())  # a first run that takes long is not dead
    while not stop.is_set():
        started = perf_counter()
        try:
            with telemetry.span(f"job {job.name}"):
                if before is not None:
                    await before()
                await job.run()
            failures = 0
            done_at.set(clock.wall().timestamp())
        except Exception:  # noqa: BLE001  # whatever it was, the next sweep may work, and others must go on
            failures += 1
            _log.exception("job_failed", job=job.name, failures=failures)
        taken = perf_counter() - started
        telemetry.SWEEPS.labels(job.name, "failed" if failures else "done").inc()
        telemetry.SWEEP_SECONDS.labels(job.name).observe(taken)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _wait_seconds(job, failures, taken))


def _wait_seconds(job: Job, failures: int, taken: float) -> float:
    if not failures:
        return max(0.0, job.every_seconds - taken)
    longest = max(LONGEST_WAIT_SECONDS, job.every_seconds)
    backed_off = max(1.0, job.every_seconds) * 2.0 ** min(failures - 1, 10)
    return min(longest, backed_off) * random.uniform(0.8, 1.2)  # noqa: S311  # so that workers do not march in step


async def beat(database: Database) -> None:
    """A sign of life in the database's own time: a set clock must not make a worker look dead."""
    statement = text(
        "INSERT INTO heartbeat (name, beaten_at) VALUES (:name, now()) "
        "ON CONFLICT (name) DO UPDATE SET beaten_at = excluded.beaten_at"
    )
    async with database.transaction() as session:
        await session.execute(statement, {"name": f"{socket.gethostname()}-{os.getpid()}"})


async def forget_dead_workers(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM heartbeat WHERE beaten_at < now() - interval '1 day'"))


async def work_until_signalled(settings: Settings) -> None:
    """SIGTERM and SIGINT end it cleanly."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    await work(settings, stop)
