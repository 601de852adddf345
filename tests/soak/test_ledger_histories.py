"""Ten thousand histories of the credit ledger: every identity holds after each, and every report comes out again."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings

from shop.core.database import Database
from tests.make.ledger_history import play
from tests.make.ledger_proof import proven, proven_whole
from tests.make.ledger_stage import Stage, staged
from tests.make.ledger_steps import Step, histories

pytestmark = [pytest.mark.anyio, pytest.mark.soak]


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    yield await staged(database)
    await proven_whole(database)


@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories)
async def test_every_identity_holds_after_any_history(stage: Stage, history: list[Step]) -> None:
    await proven(await play(stage, history))
