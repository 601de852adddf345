"""The receiver with a phone: what waits, counting it as two, the second person's own word."""

from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from orders.acceptance.models import AcceptanceAnswer
from orders.acceptance.send_parcels import Sent
from orders.bulk.joint.place import place
from orders.bulk.receiving.ship import ship
from orders.roll.checklist import checklist_of
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from tests.make.browser import browser_of
from tests.make.bulk import Plan, a_plan, stands
from tests.make.caller import token_of
from tests.make.evidence import JPEG
from tests.make.joint_order import approve, expected, joint_purchase, official, placed_joint

pytestmark = pytest.mark.anyio


async def sent_plan(database: Database) -> tuple[Plan, UUID]:
    """Six members of two branches and a spare, on the truck."""
    plan = await a_plan(database, members=6, spare_pieces=1)
    now = clock.now()
    staff = await official(database, Role.STAFF, plan.desk.shop.bank)
    async with database.transaction() as session:
        order_id = await place(session, actor=plan.desk.clerk, purchase_id=plan.id, now=now)
    truck = Sent(UUID(int=0), truck_plate="沪A00001", truck_driver="司机甲")
    async with database.transaction() as session:
        await ship(session, actor=staff, purchase_id=plan.id, sent=[], truck=truck, now=now)
    return plan, order_id


async def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(text(statement))]


async def typed_count(database: Database, order_id: UUID, delivery_id: UUID, short: int = 0) -> dict[str, str]:
    found = [row for row in await expected(database, order_id) if row.delivery_id == delivery_id]
    fields = {f"accepted-{delivery_id}.{r.line_id}.{r.payer_share_id}": str(r.pieces) for r in found}
    first = found[0]
    name = f"{delivery_id}.{first.line_id}.{first.payer_share_id}"
    return fields | {f"accepted-{name}": str(first.pieces - short), f"short-{name}": str(short or "")}


async def test_a_site_is_accepted_on_the_phone_and_the_second_person_confirms(app: FastAPI, database: Database) -> None:
    plan, order_id = await sent_plan(database)
    receiver, witness = plan.desk.receivers
    browser = await browser_of(app, database, receiver)
    page = await browser.open("/union/acceptances")
    assert "端午慰问（虚构）" in page.words
    deliveries = list(dict.fromkeys(row.delivery_id for row in await expected(database, order_id)))
    for delivery in deliveries:
        path = f"/union/purchases/{plan.id}/acceptances/{delivery}"
        assert path in page.html
        page = await browser.open(path)
        assert "应到" in page.words
        counts = await typed_count(database, order_id, delivery, short=1 if delivery == deliveries[0] else 0)
        who = {"witness_id": str(witness.user_id), "driver": "司机甲", "plate": "沪A00001", "note": "当面清点"}
        await browser.send(path, **counts, **who)
        assert "已于" in browser.page.words, browser.page.words
        assert "等共同验收人确认" in browser.page.words
        page = await browser.open("/union/acceptances")
    assert await stands(plan) == "accepted"
    assert "没有待验收的货" in page.words

    other = await browser_of(app, database, witness)
    page = await other.open("/union/acceptances")
    assert page.words.count("您被写为共同验收人") == len(deliveries)
    first, second = (action for action in page.forms if action.endswith("/answer"))
    for mistyped in ("not-me", "no", ""):
        await other.send(first, answer=mistyped, words="不是我")
        assert other.page.status == 422
        await other.open("/union/acceptances")
    assert "您被写为共同验收人" in other.page.words, "another word answers nothing"
    await other.send(first, answer="confirmed")
    await other.send(second, answer="not_me", words="")
    assert other.page.status == 422, "an objection says why"
    await other.send(second, answer="not_me", words="当天我在外地")
    assert "您被写为共同验收人" not in other.page.words
    said = "SELECT action, reason FROM audit_event WHERE action LIKE 'acceptance.witness%' ORDER BY action"
    assert await rows(database, said) == [
        ("acceptance.witness_confirmed", None), ("acceptance.witness_objected", "当天我在外地"),
    ]  # fmt: skip
    page = await browser.open("/union/acceptances")
    assert "共同验收人说不是本人" in page.words
    assert "当天我在外地" in page.words
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM credit_entry")), "credit stands until somebody decides"
        papers = {item.code: item.why for item in await checklist_of(session, plan.id)}
    assert papers["acceptances"] == "1 批货的共同验收人说不是本人，请核实"
    for somebody in (browser, other):
        await somebody.close()


async def test_what_was_typed_stays_and_the_photo_is_kept(app: FastAPI, database: Database) -> None:
    plan, order_id = await sent_plan(database)
    receiver, witness = plan.desk.receivers
    browser = await browser_of(app, database, receiver)
    row = (await expected(database, order_id))[0]
    path = f"/union/purchases/{plan.id}/acceptances/{row.delivery_id}"
    await browser.open(path)
    name = f"{row.delivery_id}.{row.line_id}.{row.payer_share_id}"
    counts = await typed_count(database, order_id, row.delivery_id)
    page = await browser.send(path, **(counts | {f"accepted-{name}": "一件"}), note="还在")
    assert page.status == 422
    assert "不是整件数" in page.words
    assert (page.forms[path][f"accepted-{name}"], page.forms[path]["note"]) == ("一件", "还在")
    page = await browser.send(path, **counts)
    assert "请选共同验收人" in page.words
    form = page.forms[path] | counts | {f"damaged-{name}": "1", "witness_id": str(witness.user_id)}
    del form["photo"]
    answer = await browser.client.post(path, data=form, files={"photo": ("现场.jpg", JPEG, "image/jpeg")})
    page = browser._see(answer)
    assert page.status == 422
    assert "填写合计不符" in page.words
    assert page.forms[path][f"damaged-{name}"] == "1"
    assert "照片已保存" in page.words
    fixed = {f"accepted-{name}": str(row.pieces - 1), f"reason-{name}": "压坏"}
    await browser.send(path, **fixed, **{f"batch-{name}": "B1", f"best_before-{name}": "2099-01-01"})
    assert "已于" in browser.page.words, browser.page.words
    kept = "SELECT damaged_milli, reason, batch_number FROM acceptance_line WHERE damaged_milli > 0"
    assert await rows(database, kept) == [(1_000, "压坏", "B1")]
    [(sha,)] = await rows(database, "SELECT evidence_sha256 FROM acceptance")
    assert f"/api/v1/evidence/{sha}" in browser.page.html
    again = await browser.open(path)
    assert path not in again.forms, "what was accepted is a result, no form"
    await browser.close()


async def test_the_second_person_belongs_to_the_branch(app: FastAPI, database: Database) -> None:
    plan, order_id = await sent_plan(database)
    desk = plan.desk
    row = next(row for row in await expected(database, order_id))
    path = f"/api/v1/bulk-purchases/{plan.id}/acceptances"
    browser = await browser_of(app, database, desk.receivers[0])
    elsewhere = await official(database, Role.UNION_RECEIVER, desk.shop.suppliers[0])
    employee = await official(database, Role.EMPLOYEE, desk.shop.bank)
    for outsider in (elsewhere, employee):
        body = {"delivery": {"delivery_id": str(row.delivery_id)}, "witness_id": str(outsider.user_id)}
        headers = token_of(app, desk.receivers[0]) | {"idempotency-key": str(outsider.user_id)}
        refused = await browser.client.post(path, json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "witness_unknown"), refused.text
    assert await rows(database, "SELECT count(*) FROM acceptance") == [(0,)]
    page = await browser.open(f"/union/purchases/{plan.id}/acceptances/{row.delivery_id}")
    assert str(desk.receivers[1].user_id) in page.html
    for hidden in (elsewhere, employee, desk.receivers[0], desk.clerk, desk.approvers[0]):
        assert f'value="{hidden.user_id}"' not in page.html
    stranger = await browser_of(app, database, elsewhere)
    assert (await stranger.open(f"/union/purchases/{plan.id}/acceptances/{row.delivery_id}")).status == 404
    assert "没有待验收的货" in (await stranger.open("/union/acceptances")).words
    for somebody in (browser, stranger):
        await somebody.close()


async def test_only_the_named_person_answers_and_only_once(app: FastAPI, database: Database) -> None:
    plan, order_id = await sent_plan(database)
    receiver, witness = plan.desk.receivers
    row = (await expected(database, order_id))[0]
    browser = await browser_of(app, database, receiver)
    path = f"/union/purchases/{plan.id}/acceptances/{row.delivery_id}"
    await browser.open(path)
    counts = await typed_count(database, order_id, row.delivery_id)
    await browser.send(path, **counts, witness_id=str(witness.user_id))
    other = await browser_of(app, database, witness)
    page = await other.open("/union/acceptances")
    [action] = [action for action in page.forms if action.endswith("/answer")]
    token = {"csrf_token": page.forms[action]["csrf_token"]}
    rest = next(r for r in await expected(database, order_id) if r.delivery_id != row.delivery_id).delivery_id
    there = f"/union/purchases/{plan.id}/acceptances/{rest}"
    own = {"csrf_token": (await browser.open(there)).forms[there]["csrf_token"]}
    forged = await browser.client.post(action, data=own | {"answer": "confirmed"})
    assert forged.status_code == 404
    assert await rows(database, "SELECT count(*) FROM acceptance_answer") == [(0,)]
    for _ in range(2):
        assert (await other.client.post(action, data=token | {"answer": "confirmed"})).status_code == 200
    changed = await other.client.post(action, data=token | {"answer": "not_me", "words": "改口"})
    assert changed.status_code == 409
    assert await rows(database, "SELECT answer FROM acceptance_answer") == [("confirmed",)]
    for somebody in (browser, other):
        await somebody.close()


async def test_homes_of_a_branch_are_accepted_but_for_an_exception(app: FastAPI, database: Database) -> None:
    joint = await joint_purchase(database, members=((0, 0, 0), (0,)), packages=({4: 1},), deliver_to="homes")
    async with database.transaction() as session:  # no union budget stands behind rows that were only inserted
        await session.execute(text("UPDATE bulk_purchase SET fund_source = 'administration'"))
    second = await official(database, Role.UNION_APPROVER, joint.shop.bank)
    await approve(database, joint.purchase_id, joint.requester, second, step=2)
    order_id = await placed_joint(database, joint)
    async with database.reading() as session:
        share = await session.scalar(text("SELECT id FROM payer_share WHERE unit_id = :u"), {"u": joint.branches[0]})
        parcels = list(await session.scalars(text("SELECT id FROM parcel ORDER BY id")))
    browser = await browser_of(app, database, joint.receiver)
    path = f"/union/purchases/{joint.purchase_id}/acceptances/homes/{share}"
    page = await browser.open("/union/acceptances")
    assert path in page.html
    await browser.open(path)
    who = {"witness_id": str(joint.witness.user_id)}
    page = await browser.send(path, do="accept", **who)
    assert (page.status, "没有运单" in page.words) == (409, True)
    staff = await official(database, Role.STAFF, joint.shop.bank)
    waybills = [Sent(parcel, carrier="sf", waybill=f"SF{n}") for n, parcel in enumerate(parcels)]
    async with database.transaction() as session:
        await ship(session, actor=staff, purchase_id=joint.purchase_id, sent=waybills, truck=None, now=clock.now())
    row = next(row for row in await expected(database, order_id) if str(row.payer_share_id) == str(share))
    page = await browser.send(path, do="find", q="会员0", note="还在")
    assert "会*" in page.words
    assert "会员0" not in page.words, "names are masked"
    page = await browser.send(path, do="pick", **{f"pick-{row.delivery_id}": "1"})
    name = f"{row.delivery_id}.{row.line_id}.{row.payer_share_id}"
    assert page.forms[path][f"accepted-{name}"] == "1"
    assert page.forms[path]["note"] == "还在"
    page = await browser.send(path, do="accept", q="", **{f"accepted-{name}": "0"}, **who)
    assert page.status == 422, "nothing accepted and nothing said of it"
    assert page.forms[path][f"accepted-{name}"] == "0"
    await browser.send(path, do="accept", **{f"refused-{name}": "1", f"reason-{name}": "外箱破损，收件人拒收"})
    assert "已经全部验收" in browser.page.words, browser.page.words
    counted = "SELECT sum(accepted_milli)::int, sum(refused_milli)::int FROM acceptance_line"
    assert await rows(database, counted) == [(2_000, 1_000)]
    other = await browser_of(app, database, joint.witness)
    page = await other.open("/union/acceptances")
    assert "3 批货" in page.words
    [action] = [action for action in page.forms if action.endswith("/answer")]
    await other.send(action, answer="confirmed")
    assert await rows(database, "SELECT count(*), min(answer) FROM acceptance_answer") == [(3, "confirmed")]
    for somebody in (browser, other):
        await somebody.close()


async def test_the_database_takes_an_answer_only_from_the_named_one(app: FastAPI, database: Database) -> None:
    plan, order_id = await sent_plan(database)
    receiver, witness = plan.desk.receivers
    row = (await expected(database, order_id))[0]
    browser = await browser_of(app, database, receiver)
    path = f"/union/purchases/{plan.id}/acceptances/{row.delivery_id}"
    await browser.open(path)
    await browser.send(path, **await typed_count(database, order_id, row.delivery_id), witness_id=str(witness.user_id))
    await browser.close()
    [(acceptance,)] = await rows(database, "SELECT id FROM acceptance")
    assert isinstance(acceptance, UUID)
    answer = AcceptanceAnswer(acceptance_id=acceptance, witness_id=receiver.user_id, answer="confirmed", at=clock.now())
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            session.add(answer)
