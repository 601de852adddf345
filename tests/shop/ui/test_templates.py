import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from babel.messages.extract import extract
from starlette.requests import Request

from shop.ui import charts, i18n
from shop.ui.assets import assets, static_url
from shop.ui.pages import environment, lang_of, render

TEMPLATES = Path(i18n.__file__).parent / "templates"
PROBLEM = {"title": "库存不足", "status": 409, "code": "out_of_stock", "detail": "只剩 3 箱，请减少数量。"}
EVERY_MACRO = """
{% import "macros.html" as ui %}
{{ ui.badge("虚构", "quiet") }} {{ ui.money(1250) }} {{ ui.money_cell(-5) }} {{ ui.wan_cell(5000) }}
{{ ui.product_card(product) }} {{ ui.product_card(gone) }} {{ ui.product_card(gone, in_season=false) }}
{{ ui.pager() }} {{ ui.pager(next="?cursor=a&b") }} {{ ui.csrf_field("t") }}
{{ ui.field("phone", "手机号", typed, error="少了几位", hint="只给合作社看", attributes={"minlength": 11}) }}
{{ ui.text_field("note", "留言", typed, required=false) }}
{{ ui.select_field("region", "地区", [(1, "甲"), (2, "乙")], "2") }}
{{ ui.radio_field("method", "付款方式", [("a", "甲")], "a", error="请选择") }}
{{ ui.checkbox_field("agree", "同意", checked=true) }}
{{ ui.error_summary({"phone": "少了几位"}) }} {{ ui.error_summary({}) }}
{% call ui.notice("info", "提示") %}<p>好</p>{% endcall %}
{{ ui.empty("没有商品", href="/") }} {{ ui.steps(["下单", "付款", "收货"], 1) }}
{{ ui.progress("完成率", 14094) }} {{ ui.progress("完成率", none) }}
{{ ui.chart(svg, "各县", ["县", "元"], [["宜川县", "1"]]) }} {{ ui.facts([("单号", "1")]) }}
"""


class Page(HTMLParser):
    """What a browser would see of a page: its tags with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str, **requested: str) -> list[dict[str, str | None]]:
        return [
            attrs
            for name, attrs in self.tags
            if name == tag and all(attrs.get(key) == value for key, value in requested.items())
        ]


def ask(path: str = "/", query: str = "", language: str = "", /, **state: object) -> Request:
    headers = [(b"accept-language", language.encode())] if language else []
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": headers}
    return Request(scope | {"server": ("shop.test", 443), "scheme": "https", "state": state})


def product(**changes: object) -> Mapping[str, object]:
    return {
        "id": "p1", "title": "<b>小米</b>", "county": {"name": "浑源县"}, "producer": {"name": "合作社（虚构）"},
        "price_fen": 3500, "price_list": "campaign", "member_price_fen": 3300,
        "available": 3, "image": "/p1.svg", **changes,
    }  # fmt: skip


def every_macro(lang: i18n.Lang) -> str:
    return environment(lang).from_string(EVERY_MACRO).render(
        product=product(), gone=product(available=0, image=None), typed='"><script>1</script>',
        svg=charts.stacked_bar_chart("各县", (), [charts.StackedBar("宜川县", (5,), "5")], "元"),
    )  # fmt: skip


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("state", [{}, {"viewer": SimpleNamespace(name="张三", staff=True), "csrf_token": "t0ken"}])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_every_page_of_the_frame_renders(lang: str, state: dict[str, object], status: int) -> None:
    request = ask("/orders/1", f"lang={lang}", "", **state)
    answer = render(request, "problem.html", status=status, problem=PROBLEM | {"status": status})
    page = Page(bytes(answer.body).decode())
    assert answer.status_code == status
    assert page.all("html", lang="zh-CN" if lang == "zh" else "en")
    assert bool(page.all("form", action="/sign-out", method="post")) == bool(state)
    assert bool(page.all("input", name="csrf_token", value="t0ken")) == bool(state)
    assert bool([link for link in page.all("a") if (link["href"] or "").startswith("/staff")]) == bool(state)


def test_a_problem_page_says_what_happened_where_and_what_to_do() -> None:
    wrong = PROBLEM | {"errors": [{"pointer": "/lines/0/quantity", "code": "left", "detail": "最多还能订 3 箱"}]}
    text = bytes(render(ask(request_id="req-77"), "problem.html", status=409, problem=wrong).body).decode()
    for said in ("库存不足", "只剩 3 箱，请减少数量。", "最多还能订 3 箱", "返回上一页刷新", "req-77"):
        assert said in text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_component_renders_and_escapes(lang: i18n.Lang) -> None:
    text = every_macro(lang)
    page = Page(text)
    assert not page.all("script")
    assert "&lt;b&gt;小米" in text
    assert ("In stock" in text, "有货" in text) == ((True, False) if lang == "en" else (False, True))
    assert ("Out of season" if lang == "en" else "不在产季") in text
    (phone,) = page.all("input", name="phone")
    assert phone["value"] == '"><script>1</script>'
    assert phone["aria-invalid"] == "true"
    assert phone["aria-describedby"] == "e-phone h-phone"
    assert page.all("p", id="e-phone")
    assert page.all("option", value="2")[0].keys() == {"value", "selected"}
    assert page.all("a", rel="next", href="?cursor=a&b")
    assert page.all("progress", value="10000")


def test_labels_name_their_fields_and_a_page_has_no_inline_style_or_script() -> None:
    viewer = SimpleNamespace(name="张三", staff=True)
    flash = SimpleNamespace(kind="error", text="出错了")
    frame = render(ask(viewer=viewer, flashes=[flash]), "problem.html", problem=PROBLEM)
    for page in (Page(bytes(frame.body).decode()), Page(every_macro("zh"))):
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids))
        assert {label["for"] for label in page.all("label") if "for" in label} <= set(ids)
        assert not page.all("style")
        assert all("src" in script for script in page.all("script"))
        for _, attrs in page.tags:
            assert not [name for name in attrs if name == "style" or name.startswith("on")]


def test_no_template_of_the_house_has_inline_style_or_script() -> None:
    for folder in i18n.slice_folders("templates"):
        for path in folder.rglob("*.html"):
            source = path.read_text()
            assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", source, re.IGNORECASE), path
            assert not re.search(r"<script(?![^>]*\ssrc=)", source, re.IGNORECASE), path


def test_a_hole_in_a_page_is_an_error() -> None:
    with pytest.raises(Exception, match="price_fenn"):
        environment().from_string("{{ product.price_fenn }}").render(product=product())


def test_the_frame_is_wholly_translated() -> None:
    words = i18n.translations("en")
    for path in TEMPLATES.glob("*.html"):
        with path.open("rb") as source:
            for _, sentence, _, _ in extract("jinja2.ext:babel_extract", source):
                said = (
                    words.gettext(sentence)
                    if isinstance(sentence, str)
                    else words.ngettext(sentence[0], sentence[1], 2)
                )
                assert not re.search(r"[\u4e00-\u9fff]", said), f"{path.name}: {sentence} is not translated"


@pytest.mark.parametrize(
    ("query", "header", "lang"),
    [
        ("", "", "zh"),
        ("", "en-GB,en;q=0.9", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "en;q=0.3,zh;q=0.7", "zh"),
        ("", "fr", "zh"),
        ("", "en;q=zero", "zh"),
        ("lang=en", "zh-CN", "en"),
        ("lang=zh", "en", "zh"),
        ("lang=xx", "en", "en"),
    ],
)
def test_the_language_asked_for_wins_over_the_header(query: str, header: str, lang: str) -> None:
    assert lang_of(ask("/", query, header)) == lang


def test_a_language_asked_for_stays_in_the_links_and_the_other_keeps_the_search() -> None:
    page = Page(bytes(render(ask("/", "lang=en&q=%E8%8C%B6"), "problem.html", problem=PROBLEM).body).decode())
    assert page.all("a", href="/cart?lang=en")
    (switch,) = page.all("a", hreflang="zh-CN")
    assert switch["href"] == "/?q=%E8%8C%B6&lang=zh"
    assert page.all("input", name="q", value="茶")


def test_the_look_stays_small() -> None:
    assert len(assets()["app.css"].body) < 20_000
    assert len(assets()["app.js"].body) < 3_000
    assert static_url("app.css").startswith("/static/")


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("letters", "ground"),
    [
        ("ink", "paper"), ("muted", "paper"), ("muted", "card"), ("muted", "quiet-soft"),
        ("red", "paper"), ("red", "card"), ("red", "red-soft"), ("red", "quiet-soft"), ("red-deep", "red-soft"),
        ("green", "card"), ("green", "green-soft"), ("ochre", "ochre-soft"),
        ("card", "red"), ("card", "green"), ("focus", "paper"),
    ],
)  # fmt: skip
def test_letters_can_be_read_on_their_ground(letters: str, ground: str) -> None:
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", assets()["app.css"].body.decode()))
    dark, light = sorted([_luminance(colours[letters]), _luminance(colours[ground])])
    assert (light + 0.05) / (dark + 0.05) >= 4.5
