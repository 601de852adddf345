"""The pages: a supplier brings a file and reads what waits; the platform sees old beside new and decides."""

import re

import pytest
from httpx import AsyncClient, Response

from shop.app.demo.people import PASSWORD as DEMO
from tests.make.people import PASSWORD, client_of
from tests.make.review import Goods, file_of

pytestmark = pytest.mark.anyio
IMPORT, REVIEWS = "/products/import", "/products/reviews"
_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')


async def browser(shelf: Goods, email: str, password: str = DEMO) -> AsyncClient:
    opened = client_of(shelf.app)
    sent = {"csrf_token": token((await opened.get("/sign-in")).text), "email": email, "password": password}
    answer = await opened.post("/sign-in", data=sent)
    assert answer.status_code == 303, answer.text
    return opened


def token(page: str) -> str:
    found = _TOKEN.search(page)
    assert found
    return found[1]


async def bring(who: AsyncClient, body: bytes, do: str) -> Response:
    data = {"csrf_token": token((await who.get(IMPORT)).text), "do": do}
    return await who.post(IMPORT, data=data, files={"file": ("goods.csv", body)})


async def press(who: AsyncClient, page: str, verb: str, **typed: str) -> Response:
    action = re.search(rf'action="(/products/reviews/[^"]+/{verb})"', page)
    assert action, verb
    return await who.post(action[1], data={"csrf_token": token(page), **typed})


async def test_from_a_suppliers_file_to_the_decision(shelf: Goods) -> None:
    facts = await shelf.facts()
    supplier, platform = await browser(shelf, "supplier@demo.test"), await browser(shelf, "platform@demo.test")
    body = file_of(facts | {"title": "改名（虚构）", "yuan": f"{facts['fen'] / 10:.2f}"})
    tried = await bring(supplier, body, "show")
    assert "还没有保存" in tried.text
    assert "保存后，1 个商品要等第二个人审核" in tried.text
    assert await shelf.rows("SELECT count(*) FROM product_review") == [(0,)]
    saved = await bring(supplier, body, "save")
    assert "1 个商品等第二个人审核" in saved.text
    old, new = f"¥{facts['fen'] / 100:,.2f}", f"¥{facts['fen'] / 10:,.2f}"
    for said in ("改名（虚构）", facts["title"], old, new):
        assert said in saved.text
    assert "以前导入过" in (await bring(supplier, body, "save")).text

    own = (await supplier.get(REVIEWS)).text
    assert ("改名（虚构）" in own, "/approve" in own, "撤回" in own) == (True, False, True)
    page = (await platform.get(REVIEWS)).text
    assert f"<td>{facts['title']}</td><td>改名（虚构）</td>" in page
    assert old in page
    assert new in page
    empty = await press(platform, page, "reject", reason="  ")
    assert (empty.status_code, "请写明理由" in empty.text) == (422, True)
    assert (await press(platform, page, "reject", reason="请附检测报告")).status_code == 303
    assert "改名（虚构）" not in (await platform.get(REVIEWS)).text
    told = (await supplier.get(f"{REVIEWS}?state=rejected")).text
    assert "请附检测报告" in told
    assert "平台辰（虚构）" in told
    assert (await press(supplier, told, "renew")).status_code == 303

    page = (await platform.get(REVIEWS)).text
    await shelf.brought(shelf.supplier, {"title": "又改了（虚构）", "yuan": f"{facts['fen'] / 10:.2f}"})
    late = await press(platform, page, "approve")
    assert (late.status_code, "已被取代" in late.text, "又改了（虚构）" in late.text) == (409, True, True)
    assert (await shelf.facts())["title"] == facts["title"]
    assert (await press(platform, late.text, "approve")).status_code == 303
    now = await shelf.facts()
    assert (now["title"], now["fen"]) == ("又改了（虚构）", facts["fen"] * 10)
    for who in (supplier, platform):
        for state in ("approved", "replaced", "withdrawn", "nonsense"):
            assert (await who.get(f"{REVIEWS}?state={state}")).status_code == 200
        english = (await who.get(f"{REVIEWS}?state=approved&lang=en")).text
        assert "On the shelf" in english
        await who.aclose()


async def test_what_was_typed_stands_there_again(shelf: Goods) -> None:
    await shelf.brought(shelf.first, {"title": "改名（虚构）"})
    one, two = await browser(shelf, "platform@demo.test"), await browser(shelf, "platform.second@demo.test")
    page = (await one.get(REVIEWS)).text
    assert "其中有您提交的内容" in page
    assert "/approve" not in page
    other = (await two.get(REVIEWS)).text
    await press(one, page, "reject", reason="我撤回")
    too_late = await press(two, other, "reject", reason="标题不实")
    assert too_late.status_code == 409
    assert "已经处理过" in too_late.text
    assert "标题不实" in too_late.text
    for who in (one, two):
        await who.aclose()


async def test_doors_open_for_whom_they_concern(shelf: Goods) -> None:
    link = f'href="{REVIEWS}"'
    for email, password, menu in (
        ("supplier@demo.test", DEMO, True),
        ("platform@demo.test", DEMO, True),
        ("admin@demo.test", DEMO, True),
        ("staff@goods.test", PASSWORD, False),
        ("employee@demo.test", DEMO, False),
    ):
        who = await browser(shelf, email, password)
        assert (link in (await who.get("/")).text) is menu, email
        await who.aclose()
    platform = await browser(shelf, "platform@demo.test")
    assert "两人办理" in (await platform.get("/staff")).text
    await platform.aclose()
    stranger = await browser(shelf, "stranger@goods.test", PASSWORD)
    await shelf.brought(shelf.supplier, {"title": "改名（虚构）"})
    assert "改名（虚构）" not in (await stranger.get(REVIEWS)).text
    page = (await stranger.get(REVIEWS)).text
    (waiting,) = await shelf.reviews(shelf.supplier)
    for verb in ("approve", "reject", "renew"):
        data = {"csrf_token": token((await stranger.get(IMPORT)).text), "reason": "x"}
        assert (await stranger.post(f"{REVIEWS}/{waiting['id']}/{verb}", data=data)).status_code == 404
    assert "没有这样的申请" in page
    await stranger.aclose()
    outside = await client_of(shelf.app).get(REVIEWS)
    assert (outside.status_code, outside.headers["location"].split("?")[0]) == (303, "/sign-in")


async def test_a_column_that_nobody_reads_is_asked_about_and_mistakes_are_named(shelf: Goods) -> None:
    supplier = await browser(shelf, "supplier@demo.test")
    head, line = file_of(await shelf.facts()).decode().split("\n")
    strange = f"{head},仓库备注\n{line},甲库".encode()
    answer = await bring(supplier, strange, "show")
    assert (answer.status_code, "仓库备注" in answer.text) == (422, True)
    wrong = f"{head}\n{line.replace('9%', '17.5%')}".encode()
    answer = await bring(supplier, wrong, "save")
    assert answer.status_code == 422
    assert "第 2 行" in answer.text
    template = await supplier.get(f"{IMPORT}/template.csv")
    assert "商品编号" in template.content.decode("utf-8-sig")
    await supplier.aclose()
