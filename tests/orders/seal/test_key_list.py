"""SEAL_KEY changes: who knows one of the keys believes the others, and a key that nobody handed over signs nothing."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from orders.report.publish import publish
from orders.report.question import Question
from orders.report.sales import sales
from orders.seal.key import SealKey
from orders.seal.key_list import SealKeyUnknown, listed_keys, replace_lost_key, signs, take_key
from orders.seal.queries import seals
from orders.seal.report_signature import check_report, signed
from orders.seal.seal import seal_new
from orders.seal.verify import verify
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.orders.seal.test_seal import KEY, NOW, OTHER, some_sales, stranger, written

pytestmark = pytest.mark.anyio
LATER = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEW = SealKey.of(b"n" * 32, before=KEY)
NEWEST = SealKey.of(b"z" * 32, before=NEW)


async def sealed_by(database: Database, *keys: SealKey) -> None:
    for key in keys:
        await some_sales(database, 1)
        await seal_new(database, key, now=NOW if key is KEY else LATER)


async def report_on(database: Database, key: SealKey, *, known_at: str = "2026-11-20T12:00:00Z") -> dict[str, object]:
    """As one is published: on the newest seal."""
    async with database.reading() as session:
        (seal,) = await seals(session, before=2**31 - 1, limit=1)
    totals = {"credited_fen": 12_345}
    period = {"from": "2026-01-01", "to": "2027-01-01"}
    return signed({"period": period, "known_at": known_at, "totals": totals, "seal": seal}, key)


async def test_from_any_key_to_each_other(database: Database, client: httpx.AsyncClient, tmp_path: Path) -> None:
    await sealed_by(database, KEY)
    old = tmp_path / "old.json"
    old.write_text(json.dumps(await report_on(database, KEY)))
    await sealed_by(database, NEW, NEWEST)
    new = tmp_path / "new.json"
    new.write_text(json.dumps(await report_on(database, NEWEST)))
    keys = tmp_path / "keys.json"
    keys.write_text((await client.get("/api/v1/credit/keys")).text)
    listed = json.loads(keys.read_text())["items"]
    assert [one["public_key"] for one in listed] == [KEY.public_hex, NEW.public_hex, NEWEST.public_hex]
    assert [(one["since"][:10], one["first_seal"]) for one in listed][:2] == [("2026-11-03", 1), ("2026-11-20", 2)]
    ledger = await written(database, tmp_path)
    for known in (KEY, NEW, NEWEST):
        seen = await verify(database, public_keys=[known.public_hex])
        assert (seen.holds, seen.seals) == (True, 3), seen.differences
        told = stranger("ledger", ledger, "--public-key", known.public_hex)
        assert told.returncode == 0, told.stdout + told.stderr
        for report in (old, new):
            told = stranger("report", report, "--public-key", known.public_hex, "--keys", keys)
            assert told.returncode == 0, told.stdout + told.stderr
    assert stranger("report", old, "--public-key", KEY.public_hex).returncode == 0, "as before, without the list"
    for where, more in ((ledger, ()), (old, ("--keys", keys))):
        what = "ledger" if where is ledger else "report"
        assert stranger(what, where, "--public-key", OTHER.public_hex, *more).returncode == 1
    assert "由前一把签名" in (await client.get("/verify")).text


async def test_a_key_that_nobody_handed_over_signs_nothing(database: Database) -> None:
    await sealed_by(database, KEY)
    await some_sales(database, 1)
    for wrong in (OTHER, SealKey.of(b"n" * 32), SealKey.of(b"n" * 32, before=OTHER)):
        with pytest.raises(SealKeyUnknown) as refused:
            await seal_new(database, wrong, now=LATER)
        assert "SEAL_KEY_BEFORE" in (refused.value.detail or "")
        async with database.reading() as session:
            with pytest.raises(SealKeyUnknown):
                await signs(session, wrong)
    await seal_new(database, NEW, now=LATER)
    await some_sales(database, 1)
    with pytest.raises(SealKeyUnknown):
        await seal_new(database, KEY, now=LATER)
    assert (await seal_new(database, SealKey(NEW.private), now=LATER)).seals == 1, "it needs its predecessor once"


async def test_a_retired_key_signs_no_later_seal(database: Database, as_superuser) -> None:  # noqa: ANN001
    """Whoever has found the old key, and the database's owner, cannot go on with it."""
    await sealed_by(database, KEY, NEW)
    await some_sales(database, 1)
    await as_superuser("CREATE TABLE hidden AS SELECT * FROM seal_key WHERE number = 2")
    await as_superuser("DELETE FROM seal_key WHERE number = 2")
    await seal_new(database, KEY, now=LATER)
    await as_superuser("INSERT INTO seal_key SELECT * FROM hidden")
    seen = await verify(database, public_keys=[NEW.public_hex])
    assert [(one.code, one.seal) for one in seen.differences] == [("key_out_of_turn", 3)]


async def test_a_retired_key_signs_no_later_report(database: Database, tmp_path: Path) -> None:
    """Neither one on a later seal, nor one that goes on from an old seal."""
    await sealed_by(database, KEY)
    on_old = [await report_on(database, KEY, known_at=at) for at in ("2026-11-20T12:30:00Z", "2026-11-20T13:00:01Z")]
    await sealed_by(database, NEW)
    async with database.reading() as session:
        listed = await listed_keys(session)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"items": [one.as_json for one in listed]}))
    forged = await report_on(database, KEY, known_at="2026-11-20T15:00:00Z")
    for report, holds in (
        (on_old[0], True),
        (on_old[1], False),
        (forged, False),
        (await report_on(database, NEW), True),
    ):
        file = tmp_path / "report.json"
        file.write_text(json.dumps(report))
        told = stranger("report", file, "--public-key", NEW.public_hex, "--keys", keys)
        assert (told.returncode == 0) == holds, told.stdout
        assert (check_report(report, [NEW.public_hex], listed) == []) == holds


async def test_who_has_handed_over_takes_nothing_back(database: Database) -> None:
    """A change that is taken back is said so, and does not end in the database's refusal."""
    await sealed_by(database, KEY, NEW)
    back = SealKey(KEY.private, before=SealKey(NEW.private))
    async with database.transaction() as session:
        with pytest.raises(SealKeyUnknown):
            await signs(session, back)
        with pytest.raises(SealKeyUnknown):
            await take_key(session, back, now=LATER)


async def test_a_key_takes_over_although_nothing_is_new(database: Database) -> None:
    await sealed_by(database, KEY)
    async with database.reading() as session:
        assert not await signs(session, NEW)
    assert (await seal_new(database, NEW, now=LATER)).seals == 0
    async with database.reading() as session:
        assert await signs(session, NEW)
        with pytest.raises(SealKeyUnknown):
            await signs(session, KEY)


async def test_a_report_takes_the_key_over_before_anything_is_sealed(database: Database) -> None:
    await sealed_by(database, KEY)
    report = await sales(database, Question(date(2026, 1, 1), date(2027, 1, 1)), actor=None, now=clock.now())
    document = await publish(database, report, NEW, by=None, now=clock.now())
    async with database.reading() as session:
        listed = await listed_keys(session)
    assert [one.public_key for one in listed] == [KEY.public_hex, NEW.public_hex]
    assert check_report(document, [KEY.public_hex], listed) == []
    with pytest.raises(SealKeyUnknown):
        await publish(database, report, KEY, by=None, now=clock.now())


async def test_a_list_that_was_changed_leads_nowhere(database: Database, tmp_path: Path, as_superuser) -> None:  # noqa: ANN001
    await sealed_by(database, KEY, NEW)
    await as_superuser("UPDATE seal_key SET first_seal = 1 WHERE number = 2")
    seen = await verify(database, public_keys=[KEY.public_hex])
    assert "other_key" in {one.code for one in seen.differences}
    ledger = await written(database, tmp_path)
    assert stranger("ledger", ledger, "--public-key", KEY.public_hex).returncode == 1


async def test_a_lost_key_is_replaced_with_a_reason_and_both_must_be_known(
    database: Database, client: httpx.AsyncClient
) -> None:
    await sealed_by(database, KEY)
    async with database.transaction() as session:
        await replace_lost_key(session, OTHER, reason="保险柜进水，旧钥匙读不出来", now=LATER)
    await sealed_by(database, OTHER)
    assert [one.code for one in (await verify(database, public_keys=[OTHER.public_hex])).differences] == ["other_key"]
    assert (await verify(database, public_keys=[KEY.public_hex, OTHER.public_hex])).holds
    page = (await client.get("/verify")).text
    assert "前一把遗失：保险柜进水" in page
    async with database.reading() as session:
        noted = await session.execute(text("SELECT reason FROM audit_event WHERE action = 'seal.key_changed'"))
        assert noted.scalars().all() == ["保险柜进水，旧钥匙读不出来"]
    async with database.transaction() as session:
        with pytest.raises(SealKeyUnknown):
            await replace_lost_key(session, OTHER, reason="再换一次", now=LATER)


async def test_seals_from_before_there_was_a_list(database: Database, as_superuser) -> None:  # noqa: ANN001
    await sealed_by(database, KEY)
    await as_superuser("DELETE FROM seal_key")
    async with database.transaction() as session:
        with pytest.raises(SealKeyUnknown):
            await take_key(session, OTHER, now=LATER)
    await sealed_by(database, NEW)
    async with database.reading() as session:
        listed = await listed_keys(session)
    assert [(one.public_key, one.since[:10]) for one in listed] == [
        (KEY.public_hex, "2026-11-03"), (NEW.public_hex, "2026-11-20")
    ]  # fmt: skip
    assert (await verify(database, public_keys=[KEY.public_hex])).holds


async def test_a_seal_says_whose_it_is(database: Database, client: httpx.AsyncClient, app, settings: Settings) -> None:  # noqa: ANN001
    await some_sales(database, 1)
    await seal_new(database, KEY, now=clock.now())
    (seal,) = (await client.get("/api/v1/credit/seals")).json()["items"]
    assert (seal["format"], seal["programme"]) == (3, str(app.state.keys.programme))


async def test_everybody_is_told_the_key_that_signs_now(database: Database, client: httpx.AsyncClient) -> None:
    await sealed_by(database, KEY)
    await sealed_by(database, NEW)
    answer = (await client.get("/api/v1/credit/seals")).json()
    assert answer["public_key"] == NEW.public_hex
    assert answer["items"][0]["key_id"] == NEW.key_id
    assert f"<code>{NEW.key_id}</code>" in (await client.get("/verify")).text
