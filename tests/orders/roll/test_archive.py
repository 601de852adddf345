"""One zip with every document: complete or explained, the same to the byte, and no name in it."""

from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import msgspec
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from tests.make.browser import browser_of
from tests.make.caller import as_caller, refused
from tests.make.joint_order import Joint, accepted, expected, joint_purchase, official, placed_joint

pytestmark = pytest.mark.anyio
MISSING = {"decision", "invoices", "quotes", "roll", "roll_scans", "transfers"}


async def delivered(database: Database, *, state: str = "distributed") -> Joint:
    """Ordered and accepted through the verbs; the goods went out, but nobody kept a roll."""
    joint = await joint_purchase(database)
    order_id = await placed_joint(database, joint)
    for delivery_id in dict.fromkeys([one.delivery_id for one in await expected(database, order_id)]):
        await accepted(database, joint, order_id, delivery_id)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE bulk_purchase SET state = :state WHERE id = :id"), {"id": joint.purchase_id, "state": state}
        )
    return joint


async def attached(app: FastAPI, database: Database, joint: Joint, data: bytes, *, kept: bool = True) -> str:
    """A quote with its paper."""
    sha = sha256(data).hexdigest()
    if kept:
        await app.state.files.put(f"evidence/{sha[:2]}/{sha}", data)
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO evidence (sha256, media_type, bytes, file_name, uploaded_by, at)"
                " VALUES (:sha, 'application/pdf', :size, 'q.pdf', :by, :now)"
            ),
            {"sha": sha, "size": len(data), "by": joint.requester.user_id, "now": clock.now()},
        )
        await session.execute(
            text(
                "INSERT INTO bulk_quote (id, purchase_id, supplier_name, credit_code, legal_representative,"
                " bank_account, total_fen, quoted_on, is_chosen, evidence_sha256, created_at) VALUES"
                " (gen_random_uuid(), :id, '甲（虚构）', 'A', '乙', '1', 1, current_date, true, :sha, :now)"
            ),
            {"sha": sha, "id": joint.purchase_id, "now": clock.now()},
        )
    return sha


async def fetched(app: FastAPI, joint: Joint) -> tuple[bytes, str]:
    async with as_caller(app, joint.requester) as caller:
        answer = await caller.get(f"/api/v1/bulk-purchases/{joint.purchase_id}/archive")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    return answer.content, answer.headers["etag"].strip('"')


async def post(app: FastAPI, joint: Joint, explanations: dict[str, str]) -> Any:
    async with as_caller(app, joint.requester) as caller:
        path = f"/api/v1/bulk-purchases/{joint.purchase_id}/archive"
        return await caller.post(path, json={"explanations": explanations})


async def state_of(database: Database, purchase_id: UUID) -> object:
    async with database.reading() as session:
        return await session.scalar(text("SELECT state FROM bulk_purchase WHERE id = :id"), {"id": purchase_id})


async def test_every_document_is_in_the_manifest_with_its_digest(app: FastAPI, database: Database) -> None:
    joint = await delivered(database)
    paper = await attached(app, database, joint, b"%PDF-1.7 a quote %%EOF")
    packed, cited = await fetched(app, joint)
    assert sha256(packed).hexdigest() == cited
    with ZipFile(BytesIO(packed)) as archive:
        assert archive.testzip() is None
        manifest = msgspec.json.decode(archive.read("manifest.json"))
        listed = {one["path"]: (one["sha256"], one["bytes"]) for one in manifest["documents"]}
        assert set(archive.namelist()) == {"manifest.json", *listed}
        for path, (digest, size) in listed.items():
            data = archive.read(path)
            assert (sha256(data).hexdigest(), len(data)) == (digest, size)
        assert {
            "01-plan.json", "02-decision.json", "03-quotes.json", "04-approvals.json", "05-notice.json",
            "06-contract.json", "07-order.json", "08-acceptances.json", "09-roll.json", "10-invoices.json",
            "11-transfers.json", f"files/{paper}.pdf",
        } <= listed.keys()  # fmt: skip
        order = msgspec.json.decode(archive.read("07-order.json"))
        everything = b"".join(archive.read(path) for path in listed)
    assert sum(one["due_fen"] for one in order["payers"]) > 0
    for private in ("会员0", "收货人甲", "13800138000", "示例路0号"):
        assert private.encode() not in everything


async def test_the_same_records_are_the_same_bytes(app: FastAPI, database: Database) -> None:
    joint = await delivered(database)
    first, digest = await fetched(app, joint)
    again, same = await fetched(app, joint)
    assert (again, same) == (first, digest)
    await attached(app, database, joint, b"%PDF-1.7 another %%EOF")
    _, other = await fetched(app, joint)
    assert other != digest
    async with database.reading() as session:
        noted = await session.scalar(
            text("SELECT count(*) FROM audit_event WHERE action = 'bulk_purchase.archive_exported'")
        )
    assert noted == 3, "each export is noted"


@pytest.mark.paper
async def test_it_is_archived_only_complete_or_explained(app: FastAPI, database: Database) -> None:
    joint = await delivered(database)
    async with as_caller(app, joint.requester) as caller:
        seen = (await caller.get(f"/api/v1/bulk-purchases/{joint.purchase_id}/archive/checklist")).json()
    assert not seen["complete"]
    assert {one["code"] for one in seen["items"] if one["standing"] == "missing"} == MISSING
    assert all(one["why"] for one in seen["items"] if one["standing"] != "there")
    partly = dict.fromkeys(MISSING - {"roll"}, "另案保存")
    problem = refused(await post(app, joint, partly), 409, "archive_incomplete")
    assert [one["code"] for one in problem["errors"]] == ["roll"]
    assert await state_of(database, joint.purchase_id) == "distributed"
    before, _ = await fetched(app, joint)
    answer = await post(app, joint, partly | {"roll": "纸质签领表在工会档案室"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["sha256"] == sha256(before).hexdigest()
    assert await state_of(database, joint.purchase_id) == "archived"
    after, _ = await fetched(app, joint)
    assert after == before, "the digest that was cited stands"
    async with database.reading() as session:
        reason = str(await session.scalar(text("SELECT reason FROM bulk_event WHERE state = 'archived'")))
    assert sha256(before).hexdigest() in reason
    assert "纸质签领表在工会档案室" in reason


@pytest.mark.paper
async def test_a_lost_file_is_said_and_must_be_explained(app: FastAPI, database: Database) -> None:
    joint = await delivered(database)
    sha = await attached(app, database, joint, b"%PDF-1.7 lost %%EOF", kept=False)
    packed, _ = await fetched(app, joint)
    with ZipFile(BytesIO(packed)) as archive:
        manifest = msgspec.json.decode(archive.read("manifest.json"))
    assert f"file:{sha}" in {one["code"] for one in manifest["checklist"] if one["standing"] == "missing"}
    problem = refused(await post(app, joint, dict.fromkeys(MISSING, "另案保存")), 409, "archive_incomplete")
    assert [one["code"] for one in problem["errors"]] == [f"file:{sha}"]


async def test_too_early_and_strangers(app: FastAPI, database: Database) -> None:
    joint = await delivered(database, state="accepted")
    every = dict.fromkeys(MISSING, "另案保存")
    assert (await post(app, joint, every)).status_code == 409
    assert await state_of(database, joint.purchase_id) == "accepted"
    stranger = await official(database, Role.UNION_BUYER, UUID(int=7))
    async with as_caller(app, stranger) as caller:
        for path in ("archive", "archive/checklist"):
            refused(await caller.get(f"/api/v1/bulk-purchases/{joint.purchase_id}/{path}"), 404, "not_found")
        answer = await caller.post(f"/api/v1/bulk-purchases/{joint.purchase_id}/archive", json={"explanations": every})
        refused(answer, 404, "not_found")


@pytest.mark.paper
async def test_the_page_says_what_is_missing_and_keeps_what_was_typed(app: FastAPI, database: Database) -> None:
    joint = await delivered(database)
    browser = await browser_of(app, database, joint.requester)
    path = f"/union/purchases/{joint.purchase_id}/archive"
    page = await browser.open(path)
    assert "还没有签领表" in page.words
    page = await browser.send(path, **{"why-roll": "纸质签领表在档案室"})
    assert page.status == 409
    assert page.forms[path]["why-roll"] == "纸质签领表在档案室"
    page = await browser.send(path, **{f"why-{code}": "另案保存" for code in MISSING})
    assert "已归档" in page.words
    assert path not in page.forms
