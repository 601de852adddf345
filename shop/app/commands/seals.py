"""What `shop credit …` does: seal, verify, export, keys."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from orders.seal.export import export
from orders.seal.key import seal_key
from orders.seal.key_list import listed_keys, replace_lost_key
from orders.seal.report_signature import check_report
from orders.seal.seal import seal_new
from orders.seal.verify import verify
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.settings import Settings

_PUBLIC_KEY: Final = re.compile("[0-9a-f]{64}")


class PublicKeyWrong(Problem):
    code: ClassVar[str] = "public_key_wrong"
    title: ClassVar[str] = "不是公钥"


async def seal_now(database: Database, *, everything: bool) -> dict[str, int]:
    done = await seal_new(database, seal_key(Settings()), now=clock.now(), everything=everything)
    return {"seals": done.seals, "entries": done.entries, "events": done.events}


async def verify_now(
    database: Database, report: bytes | None, published: str, public_keys: Sequence[str]
) -> dict[str, Any]:
    """The verdict as JSON, with one line that says it. A report that was changed is a difference too. Raises
    PublicKeyWrong.

    report: the document as it was published; published: lines of seal number and SHA-256.
    """
    own = seal_key(Settings())
    known_keys = [one.strip().lower() for one in public_keys] or [one.public_hex for one in (own, own.before) if one]
    if wrong := [one for one in known_keys if not _PUBLIC_KEY.fullmatch(one)]:
        raise PublicKeyWrong(f"{wrong[0]}：公钥是 64 位十六进制，见 shop credit public-key。")
    known = {int(number): digest for number, digest in map(str.split, published.splitlines()) if number}
    found = (await verify(database, public_keys=known_keys, published=known)).as_json()
    if report is not None:
        async with database.reading() as session:
            listed = await listed_keys(session)
        wrong = check_report(json.loads(report), known_keys, listed)
        found["differences"] += [{"code": "report", "seal": 0, "entry_id": None, "said": said} for said in wrong]
        found["holds"] = not found["differences"]
    found["line"] = (
        f"{'OK ' if found['holds'] else 'BAD'} {found['entries']:,} entries in {found['seals']:,} seals recomputed, "
        f"{found['unsealed']:,} not sealed yet, last seal {found['last_sha256']}"
    )
    return found


async def export_to(database: Database, file: Path) -> int:
    """Bytes written."""
    written = 0
    with file.open("wb") as out:
        async for chunk in export(database):
            written += out.write(chunk)
    return written


async def keys_now(database: Database) -> list[dict[str, Any]]:
    async with database.reading() as session:
        return [one.as_json for one in await listed_keys(session)]


async def replace_key(database: Database, *, reason: str) -> None:
    async with database.transaction() as session:
        await replace_lost_key(session, seal_key(Settings()), reason=reason, now=clock.now())


def public_key() -> str:
    return seal_key(Settings()).public_hex
