"""The archive of a purchase: every document in one zip, and a manifest with the sha256 of each.

The same records are the same bytes (nothing is compressed, every member bears the same date), so the digest of the
archive can be cited. Papers that were handed in are read from the file store, outside of any transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Final
from uuid import UUID
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import anyio.to_thread
import msgspec
from sqlalchemy import ARRAY, Text, bindparam, text

import orders.bulk.plan.contract
from orders.bulk.move_on import move_on
from orders.bulk.plan.contract import contracts_of, facts_of
from orders.bulk.visibility import purchase_for
from orders.evidence.queries import bytes_of
from orders.evidence.sniff import EXTENSIONS
from orders.roll.checklist import Item, checklist_of, missing
from orders.roll.papers import Record, files_of, records_of, written
from shop.access.permissions import Actor, Permission
from shop.adapters.files.store import FileMissing, FileStore
from shop.core.audit import record_change
from shop.core.database import Database, ReadSession, WriteSession
from shop.core.errors import Detail, Problem
from shop.ui.pdf import ChineseFontMissing, pdf

IN_MEMORY: Final = 8 * 1024 * 1024
CHUNK: Final = 64 * 1024
_DATED: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip can name: no archive says when it was packed."""
_CONTRACT: Final = Path(orders.bulk.plan.contract.__file__).with_name("contract.typ")
_ORDERED_AT: Final = text("""
SELECT min(at) FROM bulk_event WHERE purchase_id = :purchase AND state = 'ordered' AND skipped_by_rule_id IS NULL
""")
_TYPES: Final = text("SELECT sha256, media_type FROM evidence WHERE sha256 = ANY(:shas)").bindparams(
    bindparam("shas", type_=ARRAY(Text))
)


class ArchiveIncomplete(Problem):
    """`errors[]` names every document that is missing and not explained."""

    status = 409
    code = "archive_incomplete"
    title = "材料还不齐，不能归档"


class ArchiveChanged(Problem):
    status = 409
    code = "archive_changed"
    title = "归档时材料刚刚有变动"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the database knows of a purchase at one moment. contract: the words of the paper, None before the order."""

    number: str
    records: Sequence[Record]
    contract: dict[str, object] | None
    files: dict[str, str]
    media_types: dict[str, str]
    checklist: Sequence[Item]

    def digest(self) -> str:
        """Of the records alone: whether anything changed since."""
        return sha256(b"".join(record.data for record in self.records)).hexdigest()


@dataclass(frozen=True, slots=True)
class Archive:
    """file: the zip, at its beginning; sha256 and size (bytes) are those of the whole zip."""

    file: IO[bytes]
    number: str
    sha256: str
    size: int
    digest: str
    checklist: Sequence[Item]

    def chunks(self) -> Iterator[bytes]:
        """The zip piece by piece; the file is closed at its end."""
        with self.file as file:
            yield from iter(partial(file.read, CHUNK), b"")


async def archive_of(
    database: Database, files: FileStore, *, actor: Actor, purchase_id: UUID, now: datetime
) -> Archive:
    """Pack everything there is, complete or not: the manifest says what is missing. Raises NotFound."""
    async with database.snapshot() as session:
        gathered = await gather(session, actor, purchase_id, now)
    documents = [(record.path, record.data) for record in gathered.records]
    checklist = list(gathered.checklist)
    if gathered.contract is not None:
        documents.append(("06-contract.json", written(gathered.contract)))
        try:
            documents.append(("06-contract.pdf", await anyio.to_thread.run_sync(_paper, gathered.contract)))
        except ChineseFontMissing as problem:
            checklist.append(Item("contract_pdf", "合同 PDF", "missing", problem.title))
    for sha, what in gathered.files.items():
        try:
            data = await bytes_of(files, sha)
        except FileMissing:
            checklist.append(Item(f"file:{sha}", f"附件（{what}）", "missing", "文件库里找不到这份附件"))
        else:
            documents.append((f"files/{sha}.{EXTENSIONS.get(gathered.media_types.get(sha, ''), 'bin')}", data))
    return await anyio.to_thread.run_sync(_pack, gathered, sorted(documents), checklist)


async def gather(session: ReadSession, actor: Actor, purchase_id: UUID, now: datetime) -> Gathered:
    """Raises NotFound for strangers."""
    purchase = await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now)
    signed_at = await session.scalar(_ORDERED_AT, {"purchase": purchase_id})
    contract = None
    if signed_at is not None:  # the contract is of the day of the order, whenever it is printed
        contract = facts_of(await contracts_of(session, actor=actor, purchase_id=purchase_id, now=signed_at))
        contract["sites"] = [[site[0], "见收货清单", "—"] for site in contract["sites"]]  # no address, no name
    found = await files_of(session, purchase_id)
    types = {row.sha256: row.media_type for row in await session.execute(_TYPES, {"shas": list(found)})}
    return Gathered(
        number=purchase.number,
        records=await records_of(session, purchase_id),
        contract=contract,
        files=found,
        media_types=types,
        checklist=await checklist_of(session, purchase_id),
    )


async def close_archive(
    session: WriteSession,
    *,
    actor: Actor,
    purchase_id: UUID,
    packed: Archive,
    explained: dict[str, str],
    now: datetime,
) -> None:
    """Move the purchase to `archived`, citing the archive's digest. explained: code of a missing item → why.

    Raises NotFound, ArchiveIncomplete, ArchiveChanged (pack it again), WrongState.
    """
    await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    gone = [item for item in missing(list(packed.checklist)) if not explained.get(item.code, "").strip()]
    if gone:
        raise ArchiveIncomplete(
            "请补齐材料，或逐项写明为什么没有。",
            [Detail(f"/explanations/{item.code}", item.code, f"{item.title}：{item.why}") for item in gone],
        )
    if (await gather(session, actor, purchase_id, now)).digest() != packed.digest:
        raise ArchiveChanged("请再归档一次，把新的材料也包进去。")
    named = {item.code: explained[item.code].strip() for item in missing(list(packed.checklist))}
    said = "；".join(f"{code}：{why}" for code, why in named.items())
    await move_on(
        session,
        purchase_id=purchase_id,
        to="archived",
        actor_id=actor.user_id,
        now=now,
        reason=f"归档包 sha256 {packed.sha256}" + (f"；缺件说明：{said}" if said else ""),
    )
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk_purchase.archive",
        subject=f"bulk_purchase:{purchase_id}",
        after={"sha256": packed.sha256, "bytes": packed.size, "explained": named},
        now=now,
    )


def _paper(contract: dict[str, object]) -> bytes:
    """Without the moment of printing: the same contract is the same PDF."""
    return pdf("#set document(date: none)\n" + _CONTRACT.read_text("utf-8"), contract)


def _pack(gathered: Gathered, documents: Sequence[tuple[str, bytes]], checklist: Sequence[Item]) -> Archive:
    manifest = {
        "purchase": gathered.number,
        "documents": [
            {"path": path, "sha256": sha256(data).hexdigest(), "bytes": len(data)} for path, data in documents
        ],
        "checklist": msgspec.to_builtins(checklist),
    }
    file: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # whoever reads it to the end closes it
    with ZipFile(file, "w", ZIP_STORED) as packed:
        for path, data in [("manifest.json", written(manifest)), *documents]:
            member = ZipInfo(path, _DATED)
            member.external_attr = 0o644 << 16
            member.create_system = 3  # the same on any machine
            packed.writestr(member, data)
    size = file.tell()
    file.seek(0)
    digest = sha256()
    for chunk in iter(partial(file.read, CHUNK), b""):
        digest.update(chunk)
    file.seek(0)
    return Archive(file, gathered.number, digest.hexdigest(), size, gathered.digest(), checklist)
