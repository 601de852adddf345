import unicodedata
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from shop.ui.charts import Bar, StackedBar, stacked_bar_chart, terminal_bars

SVG = "{http://www.w3.org/2000/svg}"
TRACK = "#f3ece0"
FEN = st.integers(min_value=-(10**15), max_value=10**15)


def drawn(text: str) -> ET.Element:
    drawing = ET.fromstring(text)  # noqa: S314  # our own drawing
    assert drawing.get("role") == "img"
    assert not [name for part in drawing.iter() for name in part.attrib if name == "style" or name.startswith("on")]
    assert not {part.tag.removeprefix(SVG) for part in drawing.iter()} & {"style", "script", "foreignObject"}
    return drawing


def said(drawing: ET.Element) -> list[str]:
    return ["".join(text.itertext()) for text in drawing.iter(f"{SVG}text")]


def spans(drawing: ET.Element) -> list[tuple[float, float]]:
    """Start and width of each bar in percent, without the tracks behind them."""
    bars = [bar for bar in drawing.iter(f"{SVG}rect") if bar.get("fill") != TRACK]
    return [(float(bar.get("x", "").rstrip("%")), float(bar.get("width", "").rstrip("%"))) for bar in bars]


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def test_bars_are_as_long_as_their_values_and_carry_their_words() -> None:
    chart = drawn(
        stacked_bar_chart(
            "各县 <计入>", (), [StackedBar("宜川县", (400,), "4.00"), StackedBar("紫金县", (100,), "1.00")], "元"
        )
    )
    assert chart.findtext(f"{SVG}title") == "各县 <计入>"
    assert said(chart) == ["宜川县", "4.00 元", "紫金县", "1.00 元"]
    assert spans(chart) == [(0, 100), (0, 25)]


def test_negative_bars_run_left_of_zero() -> None:
    chart = drawn(stacked_bar_chart("退款", (), [StackedBar("甲", (300,), "3"), StackedBar("乙", (-100,), "−1")], "元"))
    assert spans(chart) == [(25, 75), (0, 25)]


def test_zeroes_and_nothing_are_drawn_without_a_bar() -> None:
    assert spans(drawn(stacked_bar_chart("空", (), [StackedBar("甲", (0,), "0")], "元"))) == []
    assert spans(drawn(stacked_bar_chart("空", (), [], "元"))) == []


def test_parts_of_a_stacked_bar_lie_end_to_end_and_a_refund_hides_in_none() -> None:
    bars = [StackedBar("甲", (300, 100), "4"), StackedBar("乙", (100, -100), "0")]
    chart = drawn(stacked_bar_chart("两口径", ["直购", "帮销"], bars, "元"))
    assert spans(chart) == [(20, 60), (80, 20), (20, 20), (0, 20)]
    assert "直购" in said(chart)[0]
    assert "帮销" in said(chart)[0]


@given(st.lists(st.tuples(st.text(), FEN, FEN), max_size=8), st.text())
def test_any_figures_make_a_valid_chart_inside_its_frame(rows: list[tuple[str, int, int]], title: str) -> None:
    bars = [StackedBar(label, (one, two), str(one + two)) for label, one, two in rows]
    for start, width in spans(drawn(stacked_bar_chart(title, ["a", "b"], bars, title))):
        assert start >= 0
        assert start + width <= 100.01


def test_terminal_bars_line_up_though_chinese_letters_are_wide() -> None:
    rows = [
        Bar("宜川县", 1000, "¥10.00"),
        Bar("Ｙ（虚构）", 500, "¥5.00"),
        Bar("双江拉祜族佤族布朗族傣族自治县", 0, "¥0.00"),
        Bar("退", -250, "−¥2.50"),
    ]
    lines = terminal_bars(rows, width=60).splitlines()
    assert {columns(line) for line in lines} == {60}
    assert [line.count("█") for line in lines] == [lines[0].count("█"), lines[0].count("█") // 2, 0, 0]
    assert "…" in lines[2]
    assert lines[3].count("░") == lines[0].count("█") // 4
    assert terminal_bars([]) == ""


@given(st.lists(st.tuples(st.text(alphabet="县a（川b ", max_size=40), FEN), min_size=1, max_size=6))
def test_terminal_bars_always_line_up(rows: list[tuple[str, int]]) -> None:
    lines = terminal_bars([Bar(label, value, f"{value}") for label, value in rows]).split("\n")
    assert len({columns(line) for line in lines}) == 1
