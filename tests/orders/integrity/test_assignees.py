"""A finding is put right by somebody who sees it: the page offers these people, and no program may name another."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.caller import refused
from tests.make.flag import raised
from tests.make.people import bearer, somebody
from tests.make.units import unit
from tests.orders.banking.test_pages import signed_in

pytestmark = pytest.mark.anyio

DUE = str(clock.today() + timedelta(days=3))


class Desk:
    """Staff by where they work, two of each, and flags of the branch, the bank and of nobody."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.ids: dict[str, UUID] = {}
        self.as_: dict[str, dict[str, str]] = {}
        self.flags: dict[str, UUID] = {}

    async def decided(self, flag: str, by: str, owner: str) -> Response:
        duty = {"owner_id": str(self.ids[owner]), "due_on": DUE, "what": "补签合同"}
        finding = {"outcome": "finding", "reason": "属实", "duty": duty}
        return await self.client.post(f"/api/v1/flags/{self.flags[flag]}/clear", json=finding, headers=self.as_[by])


@pytest.fixture
async def desk(client: AsyncClient, database: Database) -> Desk:
    made = Desk(client)
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    branch = await unit(database, "BRANCH", under=bank)
    places: dict[str, Any] = {"bank": bank, "branch": branch, "other": other}
    for place in ("bank", "branch", "other", "all"):
        for n in (1, 2):
            grant = Grant(Role.STAFF, "all", "*") if place == "all" else Grant(Role.STAFF, "unit", str(places[place]))
            name = f"{place}.{n}"
            made.ids[name] = (await somebody(database, f"{name}@shop.test", grant)).user_id
            made.as_[name] = await bearer(client, f"{name}@shop.test")
    for name, whose, proposer in (("branch", branch, "bank.1"), ("bank", bank, "bank.1"), ("nobody", None, "all.1")):
        made.flags[name] = await raised(database, whose)
        proposed = {"outcome": "finding", "reason": "疑似虚假"}
        at = f"/api/v1/flags/{made.flags[name]}/review"
        assert (await client.post(at, json=proposed, headers=made.as_[proposer])).status_code == 200
    return made


@pytest.mark.parametrize(
    ("flag", "by", "owner"),
    [
        ("bank", "bank.2", "other.1"),  # another company
        ("bank", "bank.2", "branch.1"),  # below, where the flag is not seen
        ("bank", "bank.2", "all.1"),  # above: the decider does not see who works there
        ("branch", "branch.1", "bank.2"),
        ("branch", "all.2", "other.1"),
        ("nobody", "all.2", "bank.1"),
    ],
)
async def test_who_does_not_see_the_flag_is_not_asked_to_put_it_right(
    desk: Desk, flag: str, by: str, owner: str
) -> None:
    problem = refused(await desk.decided(flag, by, owner), 422, "invalid")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/duty/owner_id", "not_found")]
    assert f"{owner}@shop.test" not in str(problem)
    for who in desk.as_:
        items = (await desk.client.get("/api/v1/rectifications", headers=desk.as_[who])).json()["items"]
        assert items == [], "nothing was decided"


@pytest.mark.parametrize(
    ("flag", "by", "owner"),
    [("bank", "bank.2", "bank.1"), ("branch", "bank.2", "branch.1"), ("branch", "bank.2", "bank.1"),
        ("branch", "branch.1", "branch.2"), ("branch", "all.2", "branch.1"), ("nobody", "all.2", "all.1")],
)  # fmt: skip
async def test_who_sees_it_is_asked_and_finds_it_in_his_list(desk: Desk, flag: str, by: str, owner: str) -> None:
    answer = await desk.decided(flag, by, owner)
    assert (answer.status_code, answer.json()["state"]) == (200, "finding")
    (item,) = (await desk.client.get("/api/v1/rectifications", headers=desk.as_[owner])).json()["items"]
    assert item["owner_id"] == str(desk.ids[owner])


async def test_the_page_offers_for_each_flag_whom_a_program_may_name(app: FastAPI, desk: Desk) -> None:
    page = await (await signed_in(app, "bank.2@shop.test")).get("/staff/flags?state=proposed")
    offered = {
        name: {who for who, id_ in desk.ids.items() if str(id_) in page.text.split(f'id="w-{flag}"')[1].split("</s")[0]}
        for name, flag in desk.flags.items()
        if f'id="w-{flag}"' in page.text
    }
    assert offered == {"bank": {"bank.1", "bank.2"}, "branch": {"bank.1", "bank.2", "branch.1", "branch.2"}}
