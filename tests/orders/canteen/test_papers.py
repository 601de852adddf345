"""Conformity and quarantine papers belong to a delivery's line and its batch."""

from hashlib import sha256
from typing import Any

import pytest
from fastapi import FastAPI

from shop.core.database import Database
from tests.make.caller import refused
from tests.make.canteen import KitchenShop, kitchen_shop
from tests.make.evidence import kept_paper
from tests.orders.canteen.test_orders import counted, ordered, post, rows, seen

pytestmark = pytest.mark.anyio
SHA = sha256(b"a conformity certificate").hexdigest()


async def delivered(app: FastAPI, database: Database, *, batch: str | None) -> tuple[KitchenShop, Any]:
    made = await kitchen_shop(database)
    async with database.transaction() as session:
        await kept_paper(session, SHA, by=made.receivers[0].user_id)
    order = await ordered(app, made)
    body = counted(order, 12_345, 3, witness_id=str(made.receivers[1].user_id))
    body["lines"][0]["batch_number"] = batch
    answer = await post(app, made.receivers[0], f"/canteen-orders/{order['order']['id']}/acceptances", body)
    assert answer.status_code == 201, answer.text
    return made, order


async def test_a_paper_stands_with_the_batch_that_it_is_about(app: FastAPI, database: Database) -> None:
    made, order = await delivered(app, database, batch="B-7")
    path = f"/canteen-orders/{order['order']['id']}/papers"
    paper = {"line_id": order["lines"][0]["id"], "kind": "conformity", "evidence_sha256": SHA, "number": "HG-1"}
    for _ in range(2):  # the same paper twice is one
        assert (await post(app, made.receivers[0], path, paper)).status_code == 201
    quarantine = paper | {"kind": "quarantine", "batch_number": "B-8", "number": None}
    assert (await post(app, made.receivers[0], path, quarantine)).status_code == 201
    potatoes, rice = (await seen(app, made.buyer, order))["lines"]
    assert [(one["kind"], one["batch_number"], one["number"]) for one in potatoes["papers"]] == [
        ("conformity", "B-7", "HG-1"),
        ("quarantine", "B-8", None),
    ]
    assert rice["papers"] == []


async def test_a_paper_needs_a_file_a_batch_and_counted_goods(app: FastAPI, database: Database) -> None:
    made, order = await delivered(app, database, batch=None)
    path = f"/canteen-orders/{order['order']['id']}/papers"
    paper = {"line_id": order["lines"][0]["id"], "kind": "conformity", "evidence_sha256": SHA}
    refused(await post(app, made.receivers[0], path, paper), 422, "batch_missing")
    unknown = paper | {"evidence_sha256": "0" * 64, "batch_number": "B-1"}
    refused(await post(app, made.receivers[0], path, unknown), 422, "evidence_unknown")
    other = await ordered(app, made)
    early = paper | {"line_id": other["lines"][0]["id"], "batch_number": "B-1"}
    refused(
        await post(app, made.receivers[0], f"/canteen-orders/{other['order']['id']}/papers", early),
        409,
        "line_not_accepted",
    )
    assert await rows(database, "SELECT count(*) FROM canteen_paper") == [(0,)]
