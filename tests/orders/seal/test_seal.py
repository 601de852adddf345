"""Seals: what a stranger may rely on, and each way of cheating, found and named."""

import asyncio
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.credit.models import CreditEntry
from orders.seal import seal as sealing
from orders.seal.export import export
from orders.seal.key import SealKey
from orders.seal.leaf import COLUMNS
from orders.seal.seal import seal_new
from orders.seal.verify import Verified, verify
from shop.core.database import Database
from tests.make.credit import Given, Sale, enter

pytestmark = pytest.mark.anyio
KEY = SealKey.of(b"k" * 32)
OTHER = SealKey.of(b"o" * 32)
CHECKER = Path(__file__).parents[3] / "docs" / "check" / "bangfu_check.py"
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
DAY = date(2026, 11, 3)


def test_every_column_of_an_entry_is_sealed() -> None:
    assert set(COLUMNS) == set(CreditEntry.model_fields)


async def some_sales(database: Database, count: int = 3) -> list[Sale]:
    sales = [Sale(on=DAY, fen=1_000 + n, given=[Given(on=DAY, fen=100)] if n == 1 else ()) for n in range(count)]
    await enter(database, *sales)
    return sales


async def checked(database: Database, published: dict[int, str] | None = None) -> Verified:
    return await verify(database, public_keys=[KEY.public_hex], published=published)


async def test_new_entries_are_sealed_once_and_chained(database: Database) -> None:
    await some_sales(database)
    first = await seal_new(database, KEY, now=NOW)
    again = await seal_new(database, KEY, now=NOW)
    await some_sales(database, 2)
    second = await seal_new(database, KEY, now=NOW)
    assert (first.seals, first.entries, again.entries, second.entries) == (1, 4, 0, 3)
    found = await checked(database)
    assert found.holds
    assert (found.seals, found.entries, found.unsealed) == (2, 7, 0)


async def test_what_is_not_sealed_yet_is_counted_and_no_fault(database: Database) -> None:
    await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    await some_sales(database, 1)
    found = await checked(database)
    assert found.holds
    assert found.unsealed == 1


async def test_large_days_are_sealed_in_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 4)
    for _ in range(3):
        await some_sales(database)
    done = await seal_new(database, KEY, now=NOW)
    assert (done.seals, done.entries) == (3, 12)
    assert (await checked(database)).holds


async def test_a_writer_that_commits_late_is_sealed_next_time(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("SELECT pg_current_xact_id()"))  # older than what is sealed meanwhile
        await some_sales(database)
        await seal_new(database, KEY, now=NOW)
        late = Sale(on=DAY, fen=77)
        from orders.credit.record import record  # noqa: PLC0415
        from tests.make.credit import frozen, recognised  # noqa: PLC0415

        session.add(frozen(late))
        await session.flush()
        await record(session, list(recognised(late)), now=NOW)
    assert (await seal_new(database, KEY, now=NOW)).entries == 1
    found = await checked(database)
    assert found.holds
    assert found.unsealed == 0


async def test_two_sealers_at_once_seal_everything_once(database: Database) -> None:
    await some_sales(database, 20)
    done = await asyncio.gather(*(seal_new(database, KEY, now=NOW) for _ in range(4)))
    assert sum(one.entries for one in done) == 21
    assert (await checked(database)).holds


async def test_the_application_cannot_change_a_seal(database: Database) -> None:
    await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    for statement in ("UPDATE seal SET root = ''", "DELETE FROM seal_member", "UPDATE credit_entry SET amount_fen = 1"):
        with pytest.raises(Exception, match="permission denied"):
            async with database.transaction() as session:
                await session.execute(text(statement))


async def test_an_entry_changed_with_sql_is_named(database: Database, as_superuser) -> None:  # noqa: ANN001
    sales = await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    await as_superuser("UPDATE credit_entry SET amount_fen = amount_fen + 1 WHERE component_id = :id", id=sales[0].id)
    async with database.reading() as session:
        entry = await session.scalar(text("SELECT id FROM credit_entry WHERE component_id = :id"), {"id": sales[0].id})
    found = await checked(database)
    assert [(one.code, one.seal, one.entry_id) for one in found.differences] == [("entry_changed", 1, entry)]


async def test_a_deleted_entry_is_named(database: Database, as_superuser) -> None:  # noqa: ANN001
    sales = await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    async with database.reading() as session:
        entry = await session.scalar(text("SELECT id FROM credit_entry WHERE component_id = :id"), {"id": sales[2].id})
    await as_superuser("DELETE FROM credit_entry WHERE component_id = :id", id=sales[2].id)
    found = await checked(database)
    assert [(one.code, one.seal, one.entry_id) for one in found.differences] == [("entry_deleted", 1, entry)]


@pytest.mark.parametrize("backdated", [True, False])
async def test_an_inserted_entry_is_named(database: Database, as_superuser, backdated: bool) -> None:  # noqa: ANN001
    sales = await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    forged = UUID(int=7)
    names = [name for name in COLUMNS if name != "id" and (backdated or name != "xid")]
    columns = ", ".join(names)
    await as_superuser(
        f"INSERT INTO credit_entry (id, {columns}) SELECT :id, {columns} FROM credit_entry WHERE component_id = :sale",
        id=forged,
        sale=sales[0].id,
    )
    found = await checked(database)
    assert [(one.code, one.entry_id) for one in found.differences] == [("entry_inserted", forged)]


async def test_an_entry_and_its_leaf_changed_together_break_the_root(database: Database, as_superuser) -> None:  # noqa: ANN001
    await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    await as_superuser("UPDATE seal_member SET leaf = sha256('x') WHERE position = 0")
    assert "seal_changed" in {one.code for one in (await checked(database)).differences}


async def test_a_seal_signed_with_another_key_is_named(database: Database) -> None:
    await some_sales(database)
    await seal_new(database, OTHER, now=NOW)
    assert [one.code for one in (await checked(database)).differences] == ["other_key"]


async def test_a_seal_remade_after_its_root_was_published_is_named(database: Database, as_superuser) -> None:  # noqa: ANN001
    sales = await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    known = {1: (await checked(database)).last_sha256}
    await as_superuser("UPDATE credit_entry SET amount_fen = 9 WHERE component_id = :id", id=sales[0].id)
    await as_superuser("DELETE FROM seal_member")
    await as_superuser("DELETE FROM seal")
    await seal_new(database, KEY, now=NOW)  # with the right key: only what was made known outside tells
    assert (await checked(database)).holds
    found = await checked(database, known)
    assert [(one.code, one.seal) for one in found.differences] == [("root_published_otherwise", 1)]


async def test_a_removed_seal_breaks_the_chain(database: Database, as_superuser) -> None:  # noqa: ANN001
    for _ in range(3):
        await some_sales(database, 1)
        await seal_new(database, KEY, now=NOW)
    await as_superuser("DELETE FROM seal_member WHERE seal_number = 2")
    await as_superuser("DELETE FROM seal WHERE number = 2")
    codes = {one.code for one in (await checked(database)).differences}
    assert {"seal_missing", "chain_broken"} <= codes


async def written(database: Database, folder: Path) -> Path:
    file = folder / "ledger.txt"
    file.write_bytes(b"".join([chunk async for chunk in export(database)]))
    return file


def stranger(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Somebody with one file, Python and a public key."""
    return subprocess.run([sys.executable, "-I", CHECKER, *arguments], capture_output=True, text=True, check=False)


async def test_a_stranger_checks_an_export(database: Database, tmp_path: Path) -> None:
    await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    file = await written(database, tmp_path)
    told = stranger("ledger", file, "--public-key", KEY.public_hex)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "4 entries in 1 seals" in told.stdout


async def test_a_stranger_finds_what_was_changed_in_an_export(database: Database, tmp_path: Path) -> None:
    await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    file = await written(database, tmp_path)
    head, key, seal, *entries = file.read_bytes().splitlines(keepends=True)
    changed = entries[0].replace(b"\t1000\t", b"\t2000\t")
    assert changed != entries[0]
    for lines, said in (
        ([head, key, seal, changed, *entries[1:]], "changed after it was sealed"),
        ([head, key, seal, *entries[1:]], "had 4 entries, here are 3"),
        ([head, key, seal, *entries, entries[0]], "had 4 entries, here are 5"),
    ):
        file.write_bytes(b"".join(lines))
        told = stranger("ledger", file, "--public-key", KEY.public_hex)
        assert (told.returncode, said in told.stdout) == (1, True), told.stdout
    assert stranger("ledger", file, "--public-key", OTHER.public_hex).returncode == 1


async def test_a_stranger_is_told_of_a_seal_that_was_published_otherwise(database: Database, tmp_path: Path) -> None:
    await some_sales(database)
    await seal_new(database, KEY, now=NOW)
    file, published = await written(database, tmp_path), tmp_path / "published.txt"
    published.write_text(f"1 {'0' * 64}\n2 {'1' * 64}\n")
    told = stranger("ledger", file, "--public-key", KEY.public_hex, "--published", published)
    assert told.returncode == 1
    assert "seal 1: published as" in told.stdout
    assert "seal 2: published, but missing here" in told.stdout
