"""A channel of outside sales concerns every company: scope `all` and two people, as every rule of everybody."""

import httpx
import pytest

from orders.intake.channels import NEEDED
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.caller import refused
from tests.make.people import bearer, somebody
from tests.make.two_people import rule_by_two
from tests.make.units import unit

pytestmark = pytest.mark.anyio


async def test_a_channel_is_asked_for_by_one_and_approved_by_another(
    database: Database, client: httpx.AsyncClient
) -> None:
    bank = await unit(database, "BANK")
    for name, grant in (
        ("one", Grant(Role.ADMINISTRATOR, "all", "*")), ("two", Grant(Role.ADMINISTRATOR, "all", "*")),
        ("far", Grant(Role.ADMINISTRATOR, "unit", str(bank))), ("staff", Grant(Role.STAFF, "unit", str(bank))),
    ):  # fmt: skip
        await somebody(database, f"{name}@shop.test", grant)
    as_ = {name: await bearer(client, f"{name}@shop.test") for name in ("one", "two", "far", "staff")}
    body = {
        "code": "our_fair", "name": "展销会（虚构）", "kind": "fair", "valid_from": str(clock.today()),
        "columns": {name: [f"{name}列"] for name in NEEDED}, "source": "合作协议（虚构）",
    }  # fmt: skip

    async def known() -> dict[str, str]:
        answer = await client.get("/api/v1/intake/channels", headers=as_["staff"])
        return {one["code"]: one["name"] for one in answer.json()["items"]}

    there = "/intake/channels"
    refused(await rule_by_two(client, there, body, first=as_["far"], second=as_["two"]), 403, "not_allowed")
    refused(await rule_by_two(client, there, body, first=as_["staff"], second=as_["two"]), 403, "not_allowed")
    refused(await rule_by_two(client, there, body, first=as_["one"], second=as_["one"]), 409, "second_person_needed")
    refused(await rule_by_two(client, there, body, first=as_["one"], second=as_["far"]), 403, "not_allowed")
    short = body | {"columns": {"number": ["单号"]}}
    refused(await rule_by_two(client, there, short, first=as_["one"], second=as_["two"]), 422, "channel_refused")
    assert "our_fair" not in await known()
    answer = await rule_by_two(client, there, body, first=as_["one"], second=as_["two"])
    assert answer.status_code == 200, answer.text
    assert (await known())["our_fair"] == "展销会（虚构）"
    renamed = body | {"name": "改名的展销会（虚构）"}
    assert (await rule_by_two(client, there, renamed, first=as_["two"], second=as_["one"])).status_code == 200
    assert (await known())["our_fair"] == "改名的展销会（虚构）"
