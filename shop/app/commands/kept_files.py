"""The files beside a backup: each under its digest, copied once, and checked by it."""

import hashlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from orders.evidence.keep import name_of
from shop.adapters.files.open import open_files
from shop.adapters.files.store import FileMissing, FileStore
from shop.app.commands.run import run, with_database
from shop.core.database import Database
from shop.core.settings import Settings

Seen = Callable[[int], None]
"""Told after each file how many there were so far."""
_AT_ONCE = 1_000
_AFTER = text("SELECT sha256 FROM evidence WHERE sha256 > :after ORDER BY sha256 LIMIT :most")


@dataclass(frozen=True, slots=True)
class Checked:
    """missing, changed: digests of files that are not in the store, or are other bytes there."""

    files: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]


async def copy_files(database: Database, files: FileStore, folder: Path, *, seen: Seen) -> Checked:
    """What is not in the folder yet, or is other bytes there. A copy that was cut off half-way is no copy."""
    number, missing, changed = 0, [], []
    async for sha in digests(database):
        number += 1
        seen(number)
        if _is_whole(folder / sha, sha):
            continue
        try:
            data = await files.get(name_of(sha))
        except FileMissing:
            missing.append(sha)
            continue
        if hashlib.sha256(data).hexdigest() != sha:
            changed.append(sha)
            continue
        unfinished = folder / f"{sha}.part"
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(data)
        unfinished.replace(folder / sha)
    return Checked(number, tuple(missing), tuple(changed))


async def bring_files(database: Database, files: FileStore, folder: Path, *, seen: Seen) -> Checked:
    """Every file that the database names is in the store with the bytes of its digest; what is not there, or is other
    bytes, is taken from the folder.
    """
    number, missing, changed = 0, [], []
    async for sha in digests(database):
        number += 1
        seen(number)
        if await _stands(files, sha):
            continue
        copy = folder / sha
        if not copy.exists():
            missing.append(sha)
        elif _is_whole(copy, sha):
            await files.put(name_of(sha), copy.read_bytes())
        else:
            changed.append(sha)
    return Checked(number, tuple(missing), tuple(changed))


def copied(folder: Path) -> Checked:
    """For the command, with what is counted on the terminal."""
    files = open_files(Settings())
    folder.mkdir(mode=0o700, exist_ok=True)
    return run(with_database(lambda database: copy_files(database, files, folder, seen=_counted)))


def brought(folder: Path) -> Checked:
    files = open_files(Settings())
    return run(with_database(lambda database: bring_files(database, files, folder, seen=_counted)))


def _counted(number: int) -> None:
    if number % _AT_ONCE == 0:
        print(f"{number} files …", file=sys.stderr, flush=True)  # noqa: T201  # it is a command


async def digests(database: Database) -> AsyncIterator[str]:
    """Of all files that the database names, in order."""
    after = ""
    while True:
        async with database.reading() as session:
            found = list(await session.scalars(_AFTER, {"after": after, "most": _AT_ONCE}))
        for sha in found:
            yield sha
        if len(found) < _AT_ONCE:
            return
        after = found[-1]


def _is_whole(copy: Path, sha: str) -> bool:
    return copy.exists() and hashlib.sha256(copy.read_bytes()).hexdigest() == sha


async def _stands(files: FileStore, sha: str) -> bool:
    try:
        return hashlib.sha256(await files.get(name_of(sha))).hexdigest() == sha
    except FileMissing:
        return False
