"""What a visitor types is found: one, two and more characters, several words, pinyin, Latin letters."""

import pytest

from catalog.listing.query import filters_of, find
from shop.core import clock
from shop.core.database import Database
from tests.make.listing import Goods, list_goods

PEPPER = Goods(title="大红袍花椒", county=("513328", "甘孜县", "四川省"), spec="250g/袋")
TEA = Goods(
    title="恩施玉露（特级）",
    county=("422801", "恩施市", "湖北省"),
    producer="富硒茶业专业合作社（虚构）",
    category="茶叶",
    spec="100g/罐",
)
RICE = Goods(
    title="重庆糯米 ORGANIC Premium",
    county=("500235", "云阳县", "重庆市"),
    producer="云阳米业（虚构）",
    category="大米",
)
OIL = Goods(
    title="油茶籽油", county=("361027", "金溪县", "江西省"), producer="山茶合作社（虚构）", category="食用油", spec="5L"
)


async def titles(database: Database, **filters: str) -> set[str]:
    page = await find(database, filters_of(filters), now=clock.now())
    found = page.items.decode()
    return {one.title for one in (PEPPER, TEA, RICE, OIL) if one.title in found}


@pytest.mark.anyio
async def test_words_are_found_and_others_are_not(database: Database) -> None:
    await list_goods(database, PEPPER, TEA, RICE, OIL)
    for words, found in {
        "椒": [PEPPER],
        "花椒": [PEPPER],
        "大红袍": [PEPPER],
        "大红袍花椒": [PEPPER],
        "籽油茶": [],  # both pairs are there, the word is not
        "油茶籽": [OIL],
        "花椒 甘孜": [PEPPER],
        "甘孜　花椒": [PEPPER],
        "花椒 恩施": [],
        "茶叶": [TEA],
        "富硒": [TEA],
        "四川省": [PEPPER],
        "huajiao": [PEPPER],
        "HuaJiao": [PEPPER],
        "hua jiao": [PEPPER],
        "ｈｕａｊｉａｏ": [PEPPER],
        "huaj": [PEPPER],
        "dahongpaohuajiao": [PEPPER],
        "dahongpaohuajia": [PEPPER],
        "dahongpaojiao": [],
        "uajiao": [],
        "chongqing": [RICE],
        "yulu enshi": [TEA],
        "organic": [RICE],
        "prem": [RICE],
        "premiums": [],
        "250g": [PEPPER, RICE],
        "花椒250": [PEPPER],
        "（特级）": [TEA],
        "，。": [],
        "%": [],
        "_": [],
        "' OR 1=1 --": [],
        "花\x00椒": [PEPPER],
    }.items():
        assert await titles(database, q=words) == {one.title for one in found}, words


@pytest.mark.anyio
async def test_what_is_inside_a_box_finds_the_box(database: Database) -> None:
    box = Goods(title="川味礼盒", contents=[(PEPPER, 2)])
    await list_goods(database, PEPPER)
    await list_goods(database, box)
    page = await find(database, filters_of({"q": "大红袍"}), now=clock.now())
    assert "川味礼盒" in page.items.decode()
