from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.ui.pictures import look_of, product_picture

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("category", "title", "motif"),
    [
        ("中药材/食药物质", "浑源黄芪片(正北芪)", "root"),
        ("代用茶", "苦荞茶", "tea"),
        ("咖啡", "小粒咖啡豆(烘焙)", "coffee"),
        ("坚果", "宜川纸皮核桃", "walnut"),
        ("坚果", "罗田板栗(鲜)", "chestnut"),
        ("方便食品", "浑源凉粉方便装", "noodles"),
        ("杂粮", "绿豆", "grain"),
        ("果蔬制品", "金川雪梨膏", "jar"),
        ("果蔬干制", "佳县油枣", "berries"),
        ("果蔬干制", "苹果脆片", "apple"),
        ("水产品", "清水小龙虾(熟冻)", "shrimp"),
        ("水果", "秭归脐橙", "citrus"),
        ("水果", "炎陵黄桃", "peach"),
        ("水果", "砀山酥梨", "pear"),
        ("水果", "田东芒果(桂七)", "mango"),
        ("水果", "黄金百香果", "passion"),
        ("淀粉制品", "紫金红薯粉(薯粉丝)", "noodles"),
        ("生鲜肉", "盐池滩羊肉(法排)", "meat"),
        ("肉制品", "风干牦牛肉", "meat"),
        ("粮食", "兴安盟大米", "grain"),
        ("粮食加工品", "定边荞麦挂面", "noodles"),
        ("粮食加工品", "糌粑(青稞炒面)", "sack"),
        ("茶叶", "六安瓜片", "tea"),
        ("蔬菜", "定边黄心马铃薯", "potato"),
        ("蔬菜", "洪湖莲藕", "lotus"),
        ("蔬菜", "高原萝卜", "radish"),
        ("蜂产品", "大通油菜花蜜", "jar"),
        ("调味品", "宜川花椒(大红袍)", "pepper"),
        ("食用油", "特级初榨橄榄油", "oil"),
        ("食用菌干品", "柞水黑木耳", "wood_ear"),
        ("食用菌鲜品", "香格里拉松茸(鲜)", "mushroom"),
        ("食药物质", "枸杞", "berries"),
        ("慰问套餐", "春节慰问套餐", "gift"),
        ("", "竹编", "basket"),
    ],
)
def test_a_product_looks_like_what_it_is(category: str, title: str, motif: str) -> None:
    assert look_of(category, title).motif == motif
    drawing = ET.fromstring(product_picture(category, title, 7))  # noqa: S314  # our own drawing
    assert drawing.tag == f"{SVG}svg"
    assert drawing.get("role") == "img"
    assert drawing.findtext(f"{SVG}title") == title


@given(st.text(), st.text(), st.integers())
def test_any_words_make_a_valid_picture_with_nothing_active_in_it(category: str, title: str, seed: int) -> None:
    drawing = ET.fromstring(product_picture(category, title, seed))  # noqa: S314  # our own drawing
    assert {part.tag.removeprefix(SVG) for part in drawing.iter()} <= {
        "svg",
        "title",
        "g",
        "path",
        "rect",
        "circle",
        "ellipse",
        "text",
    }
    assert not [name for part in drawing.iter() for name in part.attrib if name == "style" or name.startswith("on")]


def test_a_picture_depends_on_its_seed_only() -> None:
    again = {product_picture("水果", "静宁苹果", 3) for _ in range(3)}
    assert len(again) == 1
    assert len({product_picture("水果", "静宁苹果", seed) for seed in range(12)}) > 6
