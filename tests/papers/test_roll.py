"""The roll on paper: what people hold in their hands."""

import io
import zipfile

import pypdfium2
import pytest
from fastapi import FastAPI
from pypdf import PdfReader

from orders.roll.paper import Part, RollLine, page_digest, paper, qr_text
from shop.access.permissions import Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.bulk import a_desk
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.mandate import mandate
from tests.make.roll import a_roll

pytestmark = pytest.mark.paper


def part(department: str, people: int, first_page: int) -> Part:
    lines = [
        RollLine(first_page + n // 25, n % 25 + 1, new_id(), f"A{n:04}", f"职工{n}", None, None, None, None, None, None)
        for n in range(people)
    ]
    return Part("示例银行第一分行（虚构）", department, lines)


def test_each_department_has_its_own_pages_with_names_and_a_code() -> None:
    purchase = new_id()
    parts = [part("信贷部", 30, 1), part("营业部 #[bad]", 5, 3)]
    made = paper(
        title="端午慰问（虚构）",
        number="CG261122TEST",
        purchase_id=purchase,
        public_url="https://shop.example",
        parts=parts,
    )
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(made)).pages]
    assert len(pages) == 3
    assert ["信贷部" in page for page in pages] == [True, True, False]
    assert "职工29" in pages[1].replace(" ", "")
    assert "#[bad]" in pages[2].replace(" ", "")
    digest = page_digest(purchase, 3, [line.person_id for line in parts[1].lines])
    assert digest in pages[2]
    assert qr_text("https://shop.example/", purchase, 3, digest).startswith("https://shop.example/union/purchases/")
    # Ink stands where the code is, at the top right, and nowhere to the right of the table.
    picture = pypdfium2.PdfDocument(made)[2].render(scale=1, grayscale=True)
    rows = [bytes(picture.buffer)[n * picture.stride :][: picture.width] for n in range(picture.height)]
    code = b"".join(row[-115:-40] for row in rows[30:110])
    assert min(code) < 60
    assert 0.2 < sum(1 for shade in code if shade < 128) / len(code) < 0.7
    assert min(b"".join(row[-38:] for row in rows)) > 200


@pytest.mark.anyio
async def test_the_roll_comes_as_pdf_and_a_long_one_by_department(app: FastAPI, database: Database) -> None:
    desk = await a_desk(database, members=1_002)
    short, long = await a_roll(desk, person_ids=list(desk.members[:6])), await a_roll(desk)
    async with as_caller(app, desk.receivers[0]) as caller:
        one = await caller.get(f"/api/v1/bulk-purchases/{short.id}/roll", params={"format": "pdf"})
        many = await caller.get(f"/api/v1/bulk-purchases/{long.id}/roll", params={"format": "pdf"})
        drawn = await caller.get(f"/api/v1/bulk-purchases/{long.id}/roll")
    assert (one.headers["content-type"], one.content[:5]) == ("application/pdf", b"%PDF-")
    said = "".join(page.extract_text() for page in PdfReader(io.BytesIO(one.content)).pages).replace(" ", "")
    assert all(f"会员{n}" in said for n in range(6))
    with zipfile.ZipFile(io.BytesIO(many.content)) as archive:
        pages = [len(PdfReader(io.BytesIO(archive.read(name))).pages) for name in archive.namelist()]
    assert (many.headers["content-type"], len(pages)) == ("application/zip", 4)
    assert sum(pages) == drawn.json()["pages"]


@pytest.mark.anyio
async def test_only_who_hands_the_goods_out_gets_the_names(app: FastAPI, database: Database) -> None:
    desk = await a_desk(database, members=3)
    plan = await a_roll(desk)
    auditor, without = [await worker(database, Role.AUDITOR, "all", "*") for _ in range(2)]
    await mandate(database, auditor.user_id, desk.shop.bank)
    address = f"/api/v1/bulk-purchases/{plan.id}/roll"
    for reader in (desk.approvers[0], auditor):
        async with as_caller(app, reader) as caller:
            seen = await caller.get(address, params={"format": "pdf"})
        said = "".join(page.extract_text() for page in PdfReader(io.BytesIO(seen.content)).pages).replace(" ", "")
        assert "会*" in said
        assert not any(f"会员{n}" in said for n in range(3))
    async with as_caller(app, without) as caller:
        refused(await caller.get(address, params={"format": "pdf"}), 404, "not_found")
