"""Whoever has found a key that was replaced cannot go on with it, whatever list of keys he shows to a stranger."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from orders.seal.canonical import canonical
from orders.seal.header import Header
from orders.seal.key import SealKey
from orders.seal.key_list import ListedKey, fault_in, listed_keys
from orders.seal.queries import seals
from orders.seal.report_signature import check_report, signed
from orders.seal.seal import seal_new
from orders.seal.verify import verify
from shop.core.database import Database
from tests.orders.seal.test_seal import KEY, some_sales, stranger, written

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD, NEW, MINE = KEY, SealKey.of(b"n" * 32, before=KEY), SealKey.of(b"m" * 32)


@dataclass
class Ledger:
    """Sealed once with OLD and twice with NEW. lines: as it is exported; first: seal of NEW's."""

    database: Database
    folder: Path
    lines: list[bytes]
    keys: list[ListedKey]
    seal: dict[str, Any]

    def key_lines(self) -> list[bytes]:
        return [line for line in self.lines if line.startswith(b"key\t")]

    def rest(self) -> list[bytes]:
        return [line for line in self.lines[1:] if not line.startswith(b"key\t")]

    def believed(self, keys: Sequence[bytes], rest: Sequence[bytes]) -> bool:
        """By somebody who knows NEW."""
        file = self.folder / "forged.txt"
        file.write_bytes(b"\n".join([self.lines[0], *keys, *rest]) + b"\n")
        done = stranger("ledger", file, "--public-key", NEW.public_hex)
        assert done.stderr == ""
        return done.returncode == 0


@pytest.fixture
async def ledger(database: Database, tmp_path: Path) -> AsyncIterator[Ledger]:
    for key in (OLD, NEW, NEW):
        await some_sales(database, 1)
        await seal_new(database, key, now=NOW)
    lines = (await written(database, tmp_path)).read_bytes().rstrip(b"\n").split(b"\n")
    async with database.reading() as session:
        (last,) = await seals(session, before=2**31 - 1, limit=1)
        yield Ledger(database, tmp_path, lines, await listed_keys(session), last)


def resealed(lines: Sequence[bytes], key: SealKey) -> list[bytes]:
    """Every seal since the second made anew with a key, over entries of another amount."""
    found: list[bytes] = []
    blocks: list[tuple[bytes, list[bytes]]] = []
    for line in lines:
        if line.startswith(b"seal\t"):
            blocks.append((line, []))
        else:
            blocks[-1][1].append(line)
    previous = "0" * 64
    for head, entries in blocks:
        _, said, signature = head.split(b"\t")
        header = json.loads(said)
        if header["number"] > 1:
            raised = [entry.split(b"\t", 1)[1].replace(b"\t123400\t", b"\t99999900\t") for entry in entries]
            entries = [sha256(entry).hexdigest().encode() + b"\t" + entry for entry in raised]  # noqa: PLW2901
            root = sha256(b"".join(sha256(entry).digest() for entry in raised)).hexdigest()
            said = canonical(header | {"root": root, "previous": previous, "key_id": key.key_id})
            signature = key.sign(said).encode()
        previous = sha256(said).hexdigest()
        found += [b"\t".join((b"seal", said, signature)), *entries]
    return found


def handed(by: SealKey, to: SealKey, like: ListedKey, number: int) -> bytes:
    said = canonical(like.said | {"number": number, "public_key": to.public_hex, "previous": by.public_hex})
    return b"\t".join((b"key", said, to.sign(said).encode(), by.sign(said).encode()))


async def test_no_list_makes_a_replaced_key_the_ledgers_again(ledger: Ledger) -> None:
    first, second = ledger.key_lines()
    assert ledger.believed([first, second], ledger.rest()), "the honest one"
    again, forked = resealed(ledger.rest(), OLD), resealed(ledger.rest(), MINE)
    assert not ledger.believed([first, second], again)
    assert not ledger.believed([second, first], again), "in another order"
    junk = canonical(ledger.keys[1].said | {"public_key": "00" * 32, "number": 9, "first_seal": 10**9})
    assert not ledger.believed([first, b"\t".join((b"key", junk, b"00", b"00")), second], again), "signed by nobody"
    for number in (2, 3):
        fork = handed(OLD, MINE, ledger.keys[1], number)
        assert not ledger.believed([first, second, fork], forked), "handed over twice"
        assert not ledger.believed([first, fork, second], forked)
    entry = next(line for line in ledger.rest() if not line.startswith(b"seal\t"))
    assert not ledger.believed([first, second], [entry, *ledger.rest()]), "an entry that no seal holds"


async def test_a_second_list_may_only_be_longer(ledger: Ledger, tmp_path: Path) -> None:
    file, keys = await written(ledger.database, tmp_path), tmp_path / "keys.json"
    listed = [one.as_json for one in ledger.keys]
    for items, holds in ((listed, True), (listed[:1], True), ([listed[0], listed[0]], False), (listed[1:], False)):
        keys.write_text(json.dumps({"items": items}))
        done = stranger("ledger", file, "--public-key", OLD.public_hex, "--keys", keys)
        assert (done.returncode == 0) == holds, done.stdout + done.stderr


async def test_the_seal_of_another_programme_is_a_strangers(ledger: Ledger, tmp_path: Path) -> None:
    """Two shops may have one SEAL_KEY."""
    header = Header(**{name: ledger.seal[name] for name in Header.__dataclass_fields__ if name in ledger.seal})
    other = Header(**(header.said | {"programme": "11111111-1111-1111-1111-111111111111"}))
    seal = other.said | {"sha256": other.sha256, "signature": NEW.sign(other.written)}
    period = {"from": "2026-01-01", "to": "2027-01-01"}
    report = {"period": period, "known_at": "2026-11-20T12:00:00Z", "totals": {"credited_fen": 1}}
    keys, file = tmp_path / "keys.json", tmp_path / "report.json"
    keys.write_text(json.dumps({"items": [one.as_json for one in ledger.keys]}))
    for on, holds in ((ledger.seal, True), (seal, False)):
        document = signed(report | {"seal": on}, NEW)
        file.write_text(json.dumps(document))
        done = stranger("report", file, "--public-key", NEW.public_hex, "--keys", keys)
        assert (done.returncode == 0) == holds, done.stdout
        assert (check_report(document, [NEW.public_hex], ledger.keys) == []) == holds


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE seal_key SET number = 3, previous = '00' WHERE number = 1",
        "UPDATE seal_key SET first_seal = 3 WHERE number = 2",
        "DELETE FROM seal_key WHERE number = 1",
    ],
)
async def test_a_list_that_was_changed_in_the_database_is_named(
    ledger: Ledger,
    change: str,
    as_superuser,  # noqa: ANN001
) -> None:
    await as_superuser("ALTER TABLE seal_key DISABLE TRIGGER ALL")
    await as_superuser(change)
    seen = await verify(ledger.database, public_keys=[NEW.public_hex])
    assert "key_list_changed" in {one.code for one in seen.differences}
    async with ledger.database.reading() as session:
        assert fault_in(await listed_keys(session)) is not None
