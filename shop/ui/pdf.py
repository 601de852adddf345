"""Papers as PDF. What a paper says travels as data; nothing that somebody typed ever becomes markup."""

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

from shop.core.errors import Problem

if TYPE_CHECKING:
    import typst

FONTS: Final = (
    "Noto Serif CJK SC", "Noto Sans CJK SC", "Source Han Serif SC", "Source Han Sans SC", "Noto Serif SC",
    "Noto Sans SC", "Songti SC", "SimSun", "FandolSong", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "AR PL UMing CN",
)  # fmt: skip
"""Fonts that have the characters of simplified Chinese, the best for print first."""
_HEAD: Final = """
#let data = json(bytes(sys.inputs.data))
#set text(font: data.font, lang: "zh", region: "cn", size: 10.5pt)
#set page(paper: "a4", margin: (x: 20mm, y: 18mm), numbering: "1 / 1")
"""


class ChineseFontMissing(Problem):
    """Without one the paper would show boxes, and nobody would notice before it is printed."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "chinese_font_missing"
    title: ClassVar[str] = "服务器缺少中文字体，暂时不能生成 PDF"


@cache
def _fonts() -> "typst.Fonts":
    """Looked for once: searching them anew takes three times as long as a page, and holds twice the memory."""
    import typst  # a process that prints nothing does not hold it  # noqa: PLC0415

    return typst.Fonts()


@cache
def chinese_font() -> str:
    """The font that papers are set in. Raises ChineseFontMissing."""
    installed = {name.lower() for name in _fonts().families()}
    for name in FONTS:
        if name.lower() in installed:
            return name
    raise ChineseFontMissing("请管理员安装中文字体（例如 fonts-noto-cjk）后重试；网页版可以先打印。")


def pdf(template_source: str, data: Mapping[str, Any]) -> bytes:
    """A4 pages of a typst template of ours, which finds its facts in `data` (JSON; `data.font` is taken).

    Raises ChineseFontMissing.
    """
    facts = json.dumps({**data, "font": chinese_font()}, ensure_ascii=False)
    import typst  # as above  # noqa: PLC0415

    made: bytes = typst.compile(
        (_HEAD + template_source).encode(), format="pdf", sys_inputs={"data": facts}, font_paths=_fonts()
    )
    return made
