"""A sale at a counter or a fair that no file states: one person enters it with a photo, another one confirms."""

from datetime import datetime
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

import msgspec

from orders.evidence.queries import paper_seen_by
from orders.intake.channels import channel_named, channels_of
from orders.intake.read_rows import read_row
from orders.intake.schemas import OfflineIn
from orders.intake.stage import Paper, Source, check, keep_rows, refuse_wrong
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Problem


class EnteredBefore(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "entered_before"
    title: ClassVar[str] = "这笔线下销售已经录入过"


async def add_offline_sale(session: WriteSession, *, actor: Actor, requested: OfflineIn, now: datetime) -> UUID:
    """A batch of one row, waiting for its second person; confirmed, its grade is C. The batch's id.

    Raises NotFound for a photo the actor may not see, ChannelUnknown, ImportRefused with the mistakes, EnteredBefore.
    """
    day = clock.business_day(now)
    paper = await paper_seen_by(session, actor, requested.evidence_sha256, day=day)
    channel = channel_named(await channels_of(session, day), requested.channel)
    cells = {name: cell for name, cell in requested.model_dump().items() if cell and name != "evidence_sha256"}
    row = read_row(channel, 1, cells)
    await check(session, [row], actor=actor, now=now)
    refuse_wrong(channel, [row], None)
    digest = sha256(msgspec.json.encode(cells, order="sorted")).hexdigest()
    source = Source("offline", "线下录入", digest, Paper(paper.sha256, "document"))
    batch_id = await keep_rows(session, channel, [row], source, actor=actor, now=now)
    if batch_id is None:
        raise EnteredBefore("内容完全相同的一笔正在等待确认，或已经确认。")
    return batch_id
