"""What wakes somebody: figures that are asked of the database whenever `/metrics` is read, by web and worker alike.

Each question stands where it is decided. One that is not answered is not a number, and hinders no other. Ages are 0
where nothing waits.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily
from sqlalchemy import text

from orders.balance.queries import how_it_stands
from orders.credit.ahead import last_partition, months_ahead
from orders.payment import inbox
from orders.payment_desk.queries import how_much_waits
from orders.payment_desk.waiting import KINDS
from orders.seal.queries import unsealed
from shop.app.home.health import BEAT_AGE, readiness
from shop.core import clock
from shop.core.commit_number import AnotherCluster
from shop.core.database import Database, ReadSession, Replica
from shop.messages.models import CHANNELS
from shop.messages.queries import channel_states

PATIENCE_SECONDS: Final = 3
"""For all of it, and once more for the replica; Prometheus waits ten."""
_DESK: Final = tuple(what for kind in KINDS.values() for what in kind)
_BEAT: Final = text(f"SELECT {BEAT_AGE}")
_EPOCH: Final = text("SELECT cluster_is_known() AS known, (SELECT max(number) FROM commit_epoch) AS epoch")
# A copy that is sent to and has all of it is not late, however long ago its primary last wrote.
_LAG: Final = text("""
SELECT CASE WHEN EXISTS (SELECT FROM pg_stat_wal_receiver)
        AND pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END
""")

Value = float | Mapping[str, float]
"""Of a gauge, or of each of its labels."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """labels: the name of the one label it has, and all that it may be; none of them is ever missing."""

    name: str
    help: str
    labels: tuple[str, Sequence[str]] | None = None

    def family(self, value: Value) -> GaugeMetricFamily:
        if self.labels is None:
            assert not isinstance(value, Mapping)  # noqa: S101  # as the question is written
            return GaugeMetricFamily(self.name, self.help, value)
        label, known = self.labels
        family = GaugeMetricFamily(self.name, self.help, labels=(label,))
        for one in known:
            family.add_metric((one,), value.get(one, 0) if isinstance(value, Mapping) else value)
        return family


@dataclass(frozen=True, slots=True)
class Question:
    """ask: one cheap statement, on the primary; gives a value for each gauge."""

    gauges: tuple[Gauge, ...]
    ask: Callable[[ReadSession], Awaitable[tuple[Value, ...]]]


async def gauges(database: Database) -> list[GaugeMetricFamily]:
    """All of them, whatever the database does."""
    answers: dict[Question, tuple[Value, ...]] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            for question in QUESTIONS:
                answers[question] = await _answer(database, question)
    found = [
        gauge.family(value)
        for question in QUESTIONS
        for gauge, value in zip(question.gauges, answers.get(question, _unknown(question)), strict=True)
    ]
    up = "database" not in (await readiness(database)).reasons
    found.append(GaugeMetricFamily("shop_database_up", "1 where the primary answers.", up))
    return found + (await _of_replica(database.replica) if database.replica else [])


def _unknown(question: Question) -> tuple[Value, ...]:
    return (math.nan,) * len(question.gauges)


async def _answer(database: Database, question: Question) -> tuple[Value, ...]:
    try:
        async with database.transaction() as session:
            return await question.ask(session)
    except AnotherCluster:
        return (0, math.nan) if question is CLUSTER else _unknown(question)
    except Exception:  # noqa: BLE001  # whatever is wrong, the other figures are told
        return _unknown(question)


def _age(oldest: datetime | None, now: datetime) -> float:
    return 0 if oldest is None else max(0.0, (now - oldest).total_seconds())


# --- the questions ---------------------------------------------------------------------------------------------------


async def _cluster(session: ReadSession) -> tuple[Value, ...]:
    row = (await session.execute(_EPOCH)).one()
    return float(row.known), row.epoch


async def _worker(session: ReadSession) -> tuple[Value, ...]:
    age = await session.scalar(_BEAT)
    return (math.inf if age is None else float(age),)


async def _inbox(session: ReadSession) -> tuple[Value, ...]:
    row = await inbox.waiting(session)
    return row.hints, _age(row.oldest, clock.wall())


async def _desk(session: ReadSession) -> tuple[Value, ...]:
    rows, now = await how_much_waits(session), clock.now()
    return {row.what: row.things for row in rows}, {row.what: _age(row.oldest, now) for row in rows}


async def _seal(session: ReadSession) -> tuple[Value, ...]:
    row = await unsealed(session)
    return row.entries, _age(row.oldest, clock.now())


async def _balance(session: ReadSession) -> tuple[Value, ...]:
    stands = await how_it_stands(session, today=clock.today())
    return stands.days, stands.differences, stands.waiting


async def _months(session: ReadSession) -> tuple[Value, ...]:
    return (months_ahead(await last_partition(session), clock.now()),)


async def _messages(session: ReadSession) -> tuple[Value, ...]:
    stands, now = await channel_states(session), clock.wall()
    return (
        {one.channel: one.waiting for one in stands},
        {one.channel: _age(one.oldest, now) for one in stands},
        {one.channel: one.given_up for one in stands},
    )


CLUSTER: Final = Question(
    (
        Gauge(
            "shop_cluster_known", "1 where the order of commits is known in this cluster; 0: shop migrate is needed."
        ),
        Gauge("shop_commit_epoch", "How many clusters the shop has run in."),
    ),
    _cluster,
)
QUESTIONS: Final = (
    CLUSTER,
    Question((Gauge("shop_worker_heartbeat_age_seconds", "Since the youngest sign of life of any worker."),), _worker),
    Question(
        (
            Gauge("shop_inbox_waiting", "Events of the payment provider that are not handled yet."),
            Gauge("shop_inbox_oldest_age_seconds", "How long the oldest of them has waited."),
        ),
        _inbox,
    ),
    Question(
        (
            Gauge(
                "shop_desk_waiting",
                "At the payments desk, but what came by bank.",
                ("what", _DESK),
            ),
            Gauge("shop_desk_oldest_age_seconds", "How long the oldest of it has waited.", ("what", _DESK)),
        ),
        _desk,
    ),
    Question(
        (
            Gauge("shop_unsealed_entries", "Credit entries that no seal holds yet."),
            Gauge("shop_unsealed_oldest_age_seconds", "How long ago the oldest of them was recorded."),
        ),
        _seal,
    ),
    Question(
        (
            Gauge("shop_balance_overdue", "Business days until today since the books were last seen to hold."),
            Gauge("shop_balance_differences", "What the balance found to be wrong, and nobody has put right."),
            Gauge("shop_balance_waiting", "What waits for a person of any desk, as the last balance counted it."),
        ),
        _balance,
    ),
    Question(
        (Gauge("shop_months_ahead", "Accounting months after this one that entries can be written into."),), _months
    ),
    Question(
        (
            Gauge("shop_messages_waiting", "Messages that are not sent yet.", ("channel", CHANNELS)),
            Gauge("shop_messages_oldest_age_seconds", "How long the oldest of them has waited.", ("channel", CHANNELS)),
            Gauge("shop_messages_given_up", "Messages that nobody will send by himself.", ("channel", CHANNELS)),
        ),
        _messages,
    ),
)


async def _of_replica(replica: Replica) -> list[GaugeMetricFamily]:
    """Asked directly, whatever was thought of it lately."""
    up, lag = 0.0, math.nan
    with suppress(Exception):
        async with asyncio.timeout(PATIENCE_SECONDS), replica.engine.connect() as connection:
            late = await connection.scalar(_LAG)
            up, lag = 1.0, math.nan if late is None else float(late)
    return [
        GaugeMetricFamily("shop_replica_up", "1 where the replica answers.", up),
        GaugeMetricFamily("shop_replica_lag_seconds", "How far the replica is behind; not a number: no copy.", lag),
    ]
