"""A sample as one zip: a folder a line with its file to read, the same as JSON, its papers; and a manifest.

The same records are the same bytes: nothing is compressed and every member bears the same date.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, Final
from uuid import UUID
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import msgspec
from sqlalchemy import text

from orders.audit.line_records import documents_of, media_types, records_of
from orders.audit.queries import sample_out
from orders.audit.schemas import SampleOut
from orders.audit.visibility import mandate_for
from orders.evidence.queries import EvidenceDamaged, bytes_of
from orders.evidence.sniff import EXTENSIONS
from shop.access.permissions import Actor
from shop.adapters.files.store import FileMissing, FileStore
from shop.core.audit import record_change
from shop.core.database import Database
from shop.core.errors import NotFound
from shop.core.keys import Keys
from shop.ui.pages import environment

_OF_MANDATE: Final = text("SELECT id FROM audit_sample WHERE id = :id AND mandate_id = :mandate")
_DATED: Final = (1980, 1, 1, 0, 0, 0)
TITLES: Final = {
    "order": "订单", "line": "订单明细", "outside_sale": "站外销售", "payments": "付款", "refunds": "退款",
    "payer_shares": "付款方份额", "transfers": "对公转账", "papers": "佐证材料", "recognitions": "产品认定",
    "acceptances": "验收", "invoices": "发票", "corrections": "更正", "entries": "台账记录",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SampleFile:
    name: str
    data: bytes
    sha256: str


async def sample_file(
    database: Database, files: FileStore, *, actor: Actor, sample_id: UUID, keys: Keys, now: datetime
) -> SampleFile:
    """For whoever drew it, while the mandate holds; noted as an export. Raises NotFound, NoMandate."""
    async with database.snapshot() as session:
        mandate = await mandate_for(session, actor, now=now)
        sample = await sample_out(session, actor, sample_id)
        if not await session.scalar(_OF_MANDATE, {"id": sample_id, "mandate": mandate.id}):
            raise NotFound("没有这份抽样。")
        records = await records_of(session, sample.line_ids)
        types = await media_types(session, sorted({sha for _, record, _ in records for sha in documents_of(record)}))
    members: list[tuple[str, bytes]] = []
    missing: list[str] = []
    for place, (line_id, record, person_id) in enumerate(records, 1):
        folder = f"{place:02}-{line_id}"
        record["pseudonym"] = mandate.pseudonym(keys, person_id) if person_id else None
        papers = {}
        for sha in documents_of(record):
            name = f"documents/{sha}.{EXTENSIONS.get(types.get(sha, ''), 'bin')}"
            try:
                members.append((f"{folder}/{name}", await bytes_of(files, sha)))
                papers[sha] = name
            except (FileMissing, EvidenceDamaged):
                missing.append(f"{folder}/{name}")
        members.append((f"{folder}/line.json", _written(record)))
        members.append((f"{folder}/line.html", _page(sample, place, line_id, record, papers)))
    data = _packed(_manifest(sample, members, missing), members)
    made = SampleFile(f"sample-{sample.id}.zip", data, sha256(data).hexdigest())
    async with database.transaction() as session:
        await record_change(
            session,
            actor_id=actor.user_id,
            action="audit.sample_exported",
            subject=f"audit_mandate:{mandate.id}",
            after={"sample": str(sample.id), "rows": len(records), "sha256": made.sha256, "bytes": len(data)},
            now=now,
        )
    return made


def _manifest(sample: SampleOut, members: list[tuple[str, bytes]], missing: list[str]) -> bytes:
    """How it was drawn, so that it can be drawn again, and the digest of every file."""
    return _written(
        {
            "sample": sample.model_dump(mode="json"),
            "drawn_by": "order lines by sha256(seed + line id as text), ascending; the first `size` of `population`",
            "files": [{"path": path, "sha256": sha256(data).hexdigest(), "bytes": len(data)} for path, data in members],
            "missing": missing,
        }
    )


def _page(sample: SampleOut, place: int, line_id: UUID, record: dict[str, Any], papers: dict[str, str]) -> bytes:
    parts = []
    for name, title in TITLES.items():
        found = record[name]
        rows = found if isinstance(found, list) else [found] if found else []
        parts.append((title, list(rows[0]) if rows else [], [[_cell(value) for value in row.values()] for row in rows]))
    page = environment("zh").get_template("audit/sample_line.html")
    written = page.render(sample=sample, place=place, line_id=line_id, record=record, parts=parts, papers=papers)
    return written.encode()


def _cell(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _written(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def _packed(manifest: bytes, members: list[tuple[str, bytes]]) -> bytes:
    into = BytesIO()
    with ZipFile(into, "w", ZIP_STORED) as packed:
        for path, data in [("manifest.json", manifest), *members]:
            member = ZipInfo(path, _DATED)
            member.external_attr = 0o644 << 16
            member.create_system = 3  # the same on any machine
            packed.writestr(member, data)
    return into.getvalue()
