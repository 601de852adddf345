"""Words inside an SVG: escaped, and free of characters that XML does not know."""

import html
from typing import Final

FONT: Final = "PingFang SC, Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, sans-serif"


def words(value: str) -> str:
    """Text as it may stand between tags or in a quoted attribute."""
    return html.escape("".join(letter for letter in value if _known_to_xml(ord(letter))))


def _known_to_xml(point: int) -> bool:
    return point in {0x9, 0xA, 0xD} or 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or point >= 0x10000
