"""Papers through the door: what is taken, what is refused, who may read it again."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.evidence.keep import keep, name_of
from shop.access.permissions import Grant, Role
from shop.adapters.files.store import FilesUnavailable
from shop.core import clock
from shop.core.database import Database
from tests.make.caller import as_caller, refused
from tests.make.evidence import CSV, JPEG, PDF, PNG, WEBP, XLSX, XML, ofd, worker
from tests.make.mandate import mandate
from tests.make.shop import small_shop
from tests.make.units import unit

pytestmark = pytest.mark.anyio


async def bring(caller: httpx.AsyncClient, data: bytes, name: str = "x.bin", **more: Any) -> httpx.Response:
    return await caller.post("/api/v1/evidence", files={"file": (name, data, "text/html")}, data=more)


async def rows(database: Database, table: str = "evidence") -> int:
    async with database.reading() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")))


async def test_each_kind_is_known_by_its_content_and_comes_back_as_a_download(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    staff = await worker(database, Role.STAFF, "unit", shop.bank)
    kinds = {
        "application/pdf": PDF,
        "image/jpeg": JPEG,
        "image/png": PNG,
        "image/webp": WEBP,
        "application/xml": XML,
        "text/csv": CSV,
        "application/ofd": ofd(),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": XLSX,
    }
    async with as_caller(app, staff) as caller:
        for media_type, data in kinds.items():
            first = await bring(caller, data, "../../验收单.html")
            again = await bring(caller, data, "另一个名字")
            assert first.status_code == again.status_code == 201, first.text
            sha = hashlib.sha256(data).hexdigest()
            assert first.json() == again.json() == {"sha256": sha, "media_type": media_type, "bytes": len(data)}
            seen = await caller.get(f"/api/v1/evidence/{sha}")
            assert seen.content == data
            assert seen.headers["content-type"].startswith(media_type)
            assert seen.headers["content-disposition"].startswith("attachment; ")
            assert "/" not in seen.headers["content-disposition"]
            assert seen.headers["x-content-type-options"] == "nosniff"
            assert seen.headers["cache-control"] == "private, no-store"
            assert "sandbox; default-src 'none';" in seen.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in seen.headers["content-security-policy"]
    assert await rows(database) == len(kinds)


async def test_a_table_may_have_a_title_above_its_header(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    staff = await worker(database, Role.STAFF, "unit", shop.bank)
    async with as_caller(app, staff) as caller:
        kept = await bring(caller, "账户明细（虚构）\n账号 1\n日期,金额\n".encode("gb18030"))
        assert (kept.status_code, kept.json()["media_type"]) == (201, "text/csv"), kept.text
        for separator in ",\t;|":  # whatever a statement may be parted by, when it is read, it may be kept by as well
            kept = await bring(caller, f"日期{separator}金额\n".encode())
            assert (kept.status_code, kept.json()["media_type"]) == (201, "text/csv"), kept.text


def archive(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    return out.getvalue()


BOMB = b'<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><a>&d;</a>'
OUTSIDE = b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>'


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "evidence_empty"),
        (b"x" * (20 * 1024 * 1024 + 1), 413, "evidence_too_large"),
        (b"just words", 415, "evidence_kind_refused"),
        (b"MZ\x90\0", 415, "evidence_kind_refused"),
        (b"<html><script>alert(1)</script></html>", 415, "evidence_kind_refused"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', 415, "evidence_kind_refused"),
        (b"<a><b></a>", 415, "evidence_kind_refused"),
        (BOMB, 415, "evidence_kind_refused"),
        (OUTSIDE, 415, "evidence_kind_refused"),
        (b"<a>" * 100 + b"</a>" * 100, 415, "evidence_kind_refused"),
        (JPEG[:-2], 415, "evidence_kind_refused"),
        (PNG + b"<?php", 415, "evidence_kind_refused"),
        (PDF.replace(b"%%EOF", b""), 415, "evidence_kind_refused"),
        (archive(**{"a.txt": b"x"}), 415, "evidence_kind_refused"),
        (lambda: archive(**{"OFD.xml": b"\0" * (257 * 1024 * 1024)}), 415, "evidence_kind_refused"),
        (XLSX[:200], 415, "evidence_kind_refused"),
    ],
    ids=(  # said here: an archive's bytes hold the second in which it was made
        "empty",
        "too_large",
        "words",
        "program",
        "html",
        "svg",
        "broken_xml",
        "bomb",
        "outside_entity",
        "deep",
        "cut_jpeg",
        "png_with_code",
        "pdf_without_end",
        "zip",
        "zip_bomb",
        "cut_xlsx",
    ),
)
async def test_what_is_not_a_paper_is_refused_and_leaves_nothing(
    app: FastAPI, database: Database, data: bytes | Callable[[], bytes], status: int, code: str
) -> None:
    shop = await small_shop(database)
    async with as_caller(app, await worker(database, Role.STAFF, "unit", shop.bank)) as caller:
        refused(await bring(caller, data() if callable(data) else data, "invoice.pdf"), status, code)
    assert await rows(database) == 0


async def test_only_who_brought_it_or_reads_for_the_unit_may_see_it(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    canteen = await worker(database, Role.CANTEEN_BUYER, "unit", shop.branch, works_at=shop.branch)
    above = await worker(database, Role.AUDITOR, "unit", shop.bank)
    at_branch = await worker(database, Role.UNION_BUYER, "unit", shop.branch)
    everywhere = await worker(database, Role.AUDITOR, "all", "*")
    without = await worker(database, Role.AUDITOR, "all", "*")
    await mandate(database, above.user_id, shop.branch)
    await mandate(database, everywhere.user_id, shop.bank)
    async with as_caller(app, canteen) as caller:
        sha = (await bring(caller, PDF)).json()["sha256"]
        assert (await caller.get(f"/api/v1/evidence/{sha}")).status_code == 200
        # For a unit that is not his, he brings nothing.
        refused(await bring(caller, PNG, unit_id=str(shop.bank)), 404, "not_found")
    for reader in (above, at_branch, everywhere):
        async with as_caller(app, reader) as caller:
            assert (await caller.get(f"/api/v1/evidence/{sha}")).content == PDF
    async with as_caller(app, without) as caller:
        refused(await caller.get(f"/api/v1/evidence/{sha}"), 404, "not_found")
    head_office_only = await worker(database, Role.STAFF, "unit", shop.bank)
    async with as_caller(app, head_office_only) as caller:
        kept = (await bring(caller, PNG, unit_id=str(shop.bank))).json()["sha256"]
    for stranger, status in ((at_branch, 404), (canteen, 404)):
        async with as_caller(app, stranger) as caller:
            refused(await caller.get(f"/api/v1/evidence/{kept}"), status, "not_found")
            refused(await caller.get(f"/api/v1/evidence/{'0' * 64}"), 404, "not_found")
            # Whoever brings the same bytes has them anyway, and sees them under the same digest.
    async with as_caller(app, at_branch) as caller:
        assert (await bring(caller, PNG, unit_id=str(shop.branch))).json()["sha256"] == kept
        assert (await caller.get(f"/api/v1/evidence/{kept}")).content == PNG
    assert await rows(database) == 2
    async with as_caller(app, await worker(database, Role.EMPLOYEE, "unit", shop.branch)) as caller:
        refused(await caller.get(f"/api/v1/evidence/{sha}"), 403, "not_allowed")


async def test_a_store_that_fails_leaves_no_row_and_a_changed_file_is_said_to_be_changed(
    app: FastAPI, database: Database
) -> None:
    shop = await small_shop(database)
    staff = await worker(database, Role.STAFF, "unit", shop.bank)

    class Dead:
        async def put(self, name: str, data: bytes) -> None:
            raise FilesUnavailable

        async def get(self, name: str) -> bytes:
            raise FilesUnavailable

    with pytest.raises(FilesUnavailable):
        await keep(Dead(), database, data=PDF, file_name="a.pdf", actor=staff, unit_id=shop.bank, now=clock.now())
    assert await rows(database) == await rows(database, "evidence_upload") == 0
    async with as_caller(app, staff) as caller:
        sha = (await bring(caller, PDF)).json()["sha256"]
        await app.state.files.put(name_of(sha), PDF.replace(b"1.7", b"1.4"))
        refused(await caller.get(f"/api/v1/evidence/{sha}"), 500, "evidence_damaged")
        # Bringing it again heals the store.
        await bring(caller, PDF)
        assert (await caller.get(f"/api/v1/evidence/{sha}")).content == PDF


async def test_who_went_to_another_company_left_the_first_ones_papers_there(app: FastAPI, database: Database) -> None:
    """What he brought for his old unit is not his to read, nor to cite; what he brought for nobody is."""
    shop = await small_shop(database)
    staff = await worker(database, Role.STAFF, "unit", shop.bank)
    elsewhere = replace(staff, grants=(Grant(Role.STAFF, "unit", str(await unit(database, "OTHER"))),))
    async with as_caller(app, staff) as caller:
        units = (await bring(caller, PDF, unit_id=str(shop.bank))).json()["sha256"]
        own = (await bring(caller, JPEG)).json()["sha256"]
        assert (await caller.get(f"/api/v1/evidence/{units}")).status_code == 200
    async with as_caller(app, elsewhere) as caller:
        refused(await caller.get(f"/api/v1/evidence/{units}"), 404, "not_found")
        assert (await caller.get(f"/api/v1/evidence/{own}")).status_code == 200
