"""Fetch a channel's new rows: a page is a batch like any other, kept together with the cursor behind it."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
import structlog
from sqlalchemy import text

from orders.intake.channels import TEMPLATE, Channel, channel_named, channels_of
from orders.intake.read_rows import read_row
from orders.intake.row import SaleRow
from orders.intake.stage import Source, check, keep_rows
from shop.adapters.channel.real import HttpChannel
from shop.adapters.channel.source import ChannelAnswerWrong, ChannelSource
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Problem
from shop.core.settings import Settings
from shop.sheet.refused import CELL_MAX

_log = structlog.get_logger(__name__)
_FIELDS = frozenset(one.field for one in TEMPLATE) - {"channel"}
_CURSOR = text("SELECT cursor FROM channel_cursor WHERE channel_code = :channel")
# Only who still stands where he began may move it on: of two that fetch the same page, one keeps it.
_MOVE_ON = text("""
INSERT INTO channel_cursor (channel_code, cursor, pulled_at) SELECT :channel, :after, :now WHERE :before = ''
ON CONFLICT (channel_code) DO NOTHING RETURNING channel_code
""")
_MOVE_FURTHER = text("""
UPDATE channel_cursor SET cursor = :after, pulled_at = :now WHERE channel_code = :channel AND cursor = :before
RETURNING channel_code
""")
_REFUSED = text("""
SELECT id FROM intake_batch WHERE channel_code = :channel AND file_sha256 = :sha AND state = 'refused' LIMIT 1
""")


class _TakenMeanwhile(Exception):  # not an error: another worker has this page, and this transaction leaves no trace
    pass


async def pull_once(database: Database, source: ChannelSource, channel_code: str, *, now: datetime) -> str:
    """One page. `staged` for a second person; `refused`: kept once with its mistakes, and asked for again, so that
    nothing is lost; `nothing` new; `taken` by another worker.

    Raises ChannelUnknown, ChannelUnavailable, ChannelAnswerWrong; then the cursor stands where it stood.
    """
    async with database.reading() as session:
        channel = channel_named(await channels_of(session, clock.business_day(now)), channel_code)
        before: str = await session.scalar(_CURSOR, {"channel": channel.code}) or ""
    page = await source.pull(before)
    if any("\0" in cell or len(cell) > CELL_MAX for cells in page.rows for cell in cells.values()):
        raise ChannelAnswerWrong("应答里有不能保存的文字，没有取用任何一行。")
    if not page.rows:
        return "nothing"
    rows = [
        read_row(channel, number, {name: cell for name, cell in cells.items() if name in _FIELDS})
        for number, cells in enumerate(page.rows, start=1)
    ]
    async with database.reading() as session:
        await check(session, rows, actor=None, now=now)
    digest = sha256(msgspec.json.encode([before, page.rows])).hexdigest()
    wrong = any(row.mistakes for row in rows)
    named = {"channel": channel.code, "before": before, "after": page.cursor, "now": now, "sha": digest}
    try:
        async with database.transaction() as session:
            if wrong and await session.scalar(_REFUSED, named) is not None:
                return "refused"
            await _keep(session, channel, rows, named, move=not wrong)
    except _TakenMeanwhile:
        return "taken"
    return "refused" if wrong else "staged"


async def _keep(
    session: WriteSession, channel: Channel, rows: Sequence[SaleRow], named: dict[str, Any], *, move: bool
) -> None:
    if move:
        statement = _MOVE_FURTHER if named["before"] else _MOVE_ON
        if await session.scalar(statement, named) is None:
            raise _TakenMeanwhile
    source = Source("pull", f"接口 {named['before'] or '0'}–{named['after']}", named["sha"])
    await keep_rows(session, channel, rows, source, actor=None, now=named["now"])


async def pull_channels(database: Database, settings: Settings) -> None:
    """Every channel that says where its rows are and whose key we have, page after page until nothing is new.

    A channel in trouble stops no other one.
    """
    async with database.reading() as session:
        channels = await channels_of(session, clock.today())
    for channel in channels:
        key = settings.channel_keys.get(channel.code)
        if not channel.pull_url or not key:
            continue
        try:
            async with HttpChannel(channel.pull_url, key) as source:
                while await pull_once(database, source, channel.code, now=clock.now()) == "staged":
                    pass
        except Problem as trouble:
            _log.warning("channel_pull_failed", channel=channel.code, code=trouble.code)
