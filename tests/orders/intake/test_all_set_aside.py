"""A file of which every row is set aside names no unit: it is its importer's desk's, and a colleague decides it."""

import pytest

from shop.access.permissions import Role
from shop.core.ids import new_id
from tests.make.caller import refused
from tests.make.evidence import worker
from tests.make.intake import IntakeDesk, Line

pytestmark = pytest.mark.anyio


async def test_a_colleague_sees_and_confirms_it_and_a_stranger_does_not(desk: IntakeDesk) -> None:
    batch = await desk.staged([Line(number="K1", more={"status": "已关闭"})])
    assert (await desk.batch(batch))["set_aside"] == 1
    async with desk.as_(desk.two) as colleague:
        listed = (await colleague.get("/api/v1/intake/batches")).json()["items"]
        page = await colleague.get(f"/staff/intake/{batch}")
    assert [one["id"] for one in listed] == [batch]
    assert page.status_code == 200
    stranger = await worker(desk.database, Role.STAFF, "unit", new_id())
    async with desk.as_(stranger) as other:
        assert (await other.get("/api/v1/intake/batches")).json()["items"] == []
    refused(await desk.confirm(batch, by=stranger), 404, "not_found")
    refused(await desk.confirm(batch, by=desk.local), 404, "not_found")
    refused(await desk.confirm(batch, by=desk.one), 409, "second_person_needed")
    assert (await desk.confirm(batch)).json()["state"] == "confirmed"
