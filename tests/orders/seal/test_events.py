"""The log of events is sealed with the ledger: what somebody with all rights does to it is found and named."""

import asyncio
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest

from orders.seal.export import export
from orders.seal.key import SealKey
from orders.seal.leaf import EVENT_COLUMNS
from orders.seal.seal import seal_new
from orders.seal.verify import Verified, verify
from shop.core.audit import record_change
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.models import AuditEvent
from tests.make.credit import Sale, enter

pytestmark = pytest.mark.anyio
KEY = SealKey.of(b"k" * 32)
CHECKER = Path(__file__).parents[3] / "docs" / "check" / "bangfu_check.py"
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def test_every_column_of_an_event_is_sealed() -> None:
    assert set(EVENT_COLUMNS) == set(AuditEvent.model_fields)


async def said(database: Database, subject: str = "user:1") -> None:
    async with database.transaction() as session:
        await record_change(
            session, actor_id=new_id(), action="role.grant", subject=subject, before=None, after={"role": "员工\t甲"},
            reason="第一行\n第二行", now=NOW,
        )  # fmt: skip


async def named(database: Database) -> set[str]:
    found: Verified = await verify(database, public_keys=[KEY.public_hex])
    return {one.code for one in found.differences}


async def test_events_are_sealed_once_with_and_without_entries(database: Database) -> None:
    await said(database)
    await said(database)
    first = await seal_new(database, KEY, now=NOW)
    assert (first.seals, first.entries, first.events) == (1, 0, 2)
    assert (await seal_new(database, KEY, now=NOW)).seals == 0
    await enter(database, Sale(on=date(2026, 11, 3), fen=100))
    await said(database)
    second = await seal_new(database, KEY, now=NOW)
    assert (second.seals, second.entries, second.events) == (1, 1, 1)
    found = await verify(database, public_keys=[KEY.public_hex])
    assert (found.holds, found.seals, found.entries, found.events) == (True, 2, 1, 3)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE audit_event SET reason = '无' WHERE subject = 'user:2'", "event_changed"),
        ("UPDATE audit_event SET at = at - interval '1 day' WHERE subject = 'user:2'", "event_changed"),
        ("DELETE FROM audit_event WHERE subject = 'user:2'", "event_deleted"),
        ("DELETE FROM seal_event WHERE position = 1", "seal_changed"),
        (
            "INSERT INTO audit_event (id, at, action, subject, xid) VALUES (:id, now(), 'x', 'user:9', '4')",
            "event_inserted",
        ),
    ],
)
async def test_what_is_done_to_the_log_is_named(database: Database, as_superuser, statement: str, code: str) -> None:  # noqa: ANN001
    for subject in ("user:1", "user:2", "user:3"):
        await said(database, subject)
    await seal_new(database, KEY, now=NOW)
    assert await named(database) == set()
    await as_superuser(statement, **({"id": UUID(int=9)} if ":id" in statement else {}))
    assert code in await named(database)


async def test_seals_of_before_events_were_sealed_stay_valid_and_the_next_takes_what_was(
    database: Database,
    as_superuser,  # noqa: ANN001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await enter(database, Sale(on=date(2026, 11, 3), fen=100))
    with monkeypatch.context() as older:
        older.setattr("orders.seal.seal.FORMAT", 1)
        older.setattr("orders.seal.seal._NEW_EVENTS", "SELECT id, xid FROM audit_event WHERE $1 = '' LIMIT $2")
        assert (await seal_new(database, KEY, now=NOW)).events == 0
    await said(database)
    await as_superuser("UPDATE audit_event SET xid = '0'")  # of before the column was
    done = await seal_new(database, KEY, now=NOW)
    assert (done.seals, done.entries, done.events) == (1, 0, 1)
    found = await verify(database, public_keys=[KEY.public_hex])
    assert (found.holds, found.seals) == (True, 2)
    file = tmp_path / "ledger.txt"
    file.write_bytes(b"".join([chunk async for chunk in export(database)]))
    command = [sys.executable, str(CHECKER), "ledger", str(file), "--public-key", KEY.public_hex]
    checked = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout[:2]) == (0, "OK"), checked.stdout + checked.stderr
