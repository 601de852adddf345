"""Answers may hold an address: they are forgotten after 72 hours."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from shop.core import clock
from shop.core.database import Database
from shop.core.idempotency import forget_answers
from shop.core.ids import new_id
from shop.core.models import Idempotency

pytestmark = pytest.mark.anyio


async def test_only_old_answers_go(database: Database) -> None:
    actor, now = new_id(), clock.now()
    async with database.transaction() as session:
        for key, age in (("old", timedelta(hours=72, seconds=1)), ("young", timedelta(hours=71))):
            session.add(
                Idempotency(actor_id=actor, key=key, request_sha256=b"", status=201, answer="{}", created_at=now - age)
            )
    await forget_answers(database)
    async with database.reading() as session:
        assert (await session.scalars(select(col(Idempotency.key)))).all() == ["young"]
