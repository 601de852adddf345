"""Small files of each kind, and people who may bring or read them."""

import io
import zipfile
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text

from shop.access.models import Person, RoleGrant, UserAccount
from shop.access.permissions import Actor, Grant, Role
from shop.core.database import Database, WriteSession
from shop.core.ids import new_id
from shop.organisation.models import Membership
from tests.make.shop import LONG_AGO
from tests.make.workbook import sheet_of, workbook

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\0" * 20 + b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\0" * 17 + b"\0\0\0\0IEND\xaeB`\x82"
WEBP = b"RIFF" + (12).to_bytes(4, "little") + b"WEBPVP8 \0\0\0\0"
XML = '<?xml version="1.0" encoding="UTF-8"?><note xmlns="urn:x"><a b="1">验收</a></note>'.encode()
CSV = "日期,数量\n2026-11-22,3\n".encode("gb18030")
XLSX = workbook(sheet_of([["日期", "数量"], ["2026-11-22", 3]]))


def ofd() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("OFD.xml", "<ofd:OFD xmlns:ofd='http://www.ofdspec.org/2016'/>")
        archive.writestr("Doc_0/Document.xml", "<ofd:Document xmlns:ofd='http://www.ofdspec.org/2016'/>")
    return out.getvalue()


async def worker(database: Database, role: Role, kind: str, scope: object, *, works_at: UUID | None = None) -> Actor:
    """An account with one role in one scope ("unit", "supplier", "all" with "*")."""
    now = datetime.now(UTC)
    person = Person(id=new_id(), name="经办人乙", phone="13800138009", created_at=now)
    user = UserAccount(
        id=new_id(),
        person_id=person.id,
        email=f"{person.id}@desk.test",
        password_hash="-",
        created_at=now,
        email_verified_at=now,
    )
    grant = Grant(role, kind, str(scope))  # type: ignore[arg-type]
    async with database.transaction() as session:
        session.add(person)
        await session.flush()
        session.add(user)
        await session.flush()
        session.add(
            RoleGrant(
                id=new_id(), user_id=user.id, role=role, scope_kind=kind, scope_id=str(scope), valid_from=LONG_AGO
            )
        )
        if works_at:
            session.add(Membership(id=new_id(), person_id=person.id, unit_id=works_at, valid_from=LONG_AGO))
    return Actor(user.id, person.id, new_id(), (grant,))


async def colleague(database: Database, of: Actor) -> Actor:
    """Another person in the same role and place."""
    (grant,) = of.grants
    return await worker(database, grant.role, grant.scope_kind, grant.scope_id)


async def kept_paper(session: WriteSession, sha256: str, *, by: UUID, unit: UUID | None = None) -> None:
    """As if `by` had brought a paper with this digest, for a unit."""
    facts = {"sha": sha256, "by": by, "unit": unit or UUID(int=0)}
    await session.execute(
        text("""INSERT INTO evidence (sha256, media_type, bytes, file_name, uploaded_by, at)
            VALUES (:sha, 'application/pdf', 5, '材料.pdf', :by, now()) ON CONFLICT DO NOTHING"""),
        facts,
    )
    await session.execute(
        text("""INSERT INTO evidence_upload (sha256, uploaded_by, scope_id, file_name, at)
            VALUES (:sha, :by, :unit, '材料.pdf', now()) ON CONFLICT DO NOTHING"""),
        facts,
    )
