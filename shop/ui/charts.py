"""Charts as SVG, made on the server: no scripts, no style rules, so they stand under the strictest policy.

Widths are percentages and letters keep their size, so one drawing is readable on a phone, a desk and paper.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shop.ui.svg import FONT, words

COLOURS: Final = ("#2f6b4a", "#c2792b", "#a3341f", "#4a6d8c", "#7d6b3f", "#74527a")
_INK, _MUTED = "#2b2521", "#665b51"
_ROW_PX, _BAR_PX = 46, 14
_PALE = ' fill-opacity="0.45"'  # a refund is paler than a sale
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its value in any whole unit (fen, grams, orders), and the words for that value."""

    label: str
    value: int
    text: str


@dataclass(frozen=True, slots=True)
class StackedBar:
    """One bar of several parts, in the order of the chart's series; text says the whole."""

    label: str
    parts: Sequence[int]
    text: str


def stacked_bar_chart(title: str, series: Sequence[str], bars: Sequence[StackedBar], unit_label: str) -> str:
    """Horizontal bars of several parts as SVG, such as direct purchases and assisted sales.

    Positive parts run to the right of zero and negative ones to the left, so a refund never hides inside a sale.
    """
    left = max((-sum(part for part in bar.parts if part < 0) for bar in bars), default=0)
    right = max((sum(part for part in bar.parts if part > 0) for bar in bars), default=0)
    span = left + right
    head_px = 26 if series else 0
    drawn = [_legend(series), _end_text(unit_label, 14)] if series else []
    for place, bar in enumerate(bars):
        top = head_px + place * _ROW_PX
        drawn.append(_bar_words(bar, unit_label if not series else "", top))
        drawn.extend(_bar_parts(bar, left, span, top + 22))
    bottom = head_px + max(len(bars), 1) * _ROW_PX
    if not bars:
        drawn.append(_text("0", bottom - 20, "—", _MUTED))
    return _svg(title, bottom, drawn)


def terminal_bars(rows: Sequence[Bar], width: int = 72) -> str:
    """Bars for a terminal `width` columns wide; Chinese letters count two columns, so the bars line up."""
    label_columns = min(max((_columns(row.label) for row in rows), default=0), width // 3)
    text_columns = max((_columns(row.text) for row in rows), default=0)
    room = max(width - label_columns - text_columns - 2, 8)
    largest = max((abs(row.value) for row in rows), default=0)
    lines = []
    for row in rows:
        eighths = abs(row.value) * room * 8 // largest if largest else 0
        full, rest = divmod(eighths, 8)
        bar = "░" * max(full, 1) if row.value < 0 else "█" * full + _EIGHTHS[rest].strip()
        label, text = _padded(row.label, label_columns), " " * (text_columns - _columns(row.text)) + row.text
        lines.append(f"{label} {bar}{' ' * (room - len(bar))} {text}")
    return "\n".join(lines)


def _columns(value: str) -> int:
    return sum(_letter_columns(letter) for letter in value)


def _letter_columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _padded(value: str, columns: int) -> str:
    short = _shortened(value, columns)
    return short + " " * (columns - _columns(short))


def _shortened(value: str, columns: int) -> str:
    if _columns(value) <= columns:
        return value
    for length in range(len(value), 0, -1):
        if _columns(value[:length]) < columns:
            return value[:length] + "…"
    return "…"[:columns]


def _share(part: int, span: int) -> float:
    return 100 * part / span if span else 0.0


def _colours(count: int) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(count)]


def _bar_words(bar: StackedBar, unit_label: str, top: float) -> str:
    text = f"{bar.text} {unit_label}".strip()
    room = max(40 - _columns(text), 12)  # columns left of the value on the narrowest phone
    return _text("0", top + 15, _shortened(bar.label, room), _INK, about=bar.label) + _end_text(text, top + 15, _INK)


def _bar_parts(bar: StackedBar, left: int, span: int, top: float) -> list[str]:
    drawn = [f'<rect x="0" y="{top}" width="100%" height="{_BAR_PX}" rx="3" fill="#f3ece0"/>']
    forward = backward = left
    for part, colour in zip(bar.parts, _colours(len(bar.parts)), strict=True):
        if part > 0:
            start, forward = forward, forward + part
        elif part < 0:
            backward += part
            start = backward
        else:
            continue
        drawn.append(
            f'<rect x="{_share(start, span):.3f}%" y="{top}" width="{_share(abs(part), span):.3f}%"'
            f' height="{_BAR_PX}" rx="3" fill="{colour}"{"" if part > 0 else _PALE}/>'
        )
    if left:
        zero = _share(left, span)
        drawn.append(_rule((zero, top), (zero, top + _BAR_PX + 4), _INK))
    return drawn


def _legend(names: Sequence[str]) -> str:
    """Names beside their colours, one tspan after the other, so no width has to be guessed."""
    spans = "".join(
        f'<tspan fill="{colour}">■</tspan><tspan fill="{_INK}" dx="4">{words(name)}</tspan><tspan dx="14"> </tspan>'
        for name, colour in zip(names, _colours(len(names)), strict=True)
    )
    return f'<text x="0" y="14" font-size="13">{spans}</text>'


def _text(x: str, y: float, value: str, colour: str, *, anchor: str = "start", size: int = 14, about: str = "") -> str:
    title = f"<title>{words(about)}</title>" if about and about != value else ""
    place = f'x="{x}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}" font-size="{size}">{title}{words(value)}</text>'


def _end_text(value: str, y: float, colour: str = _MUTED) -> str:
    return _text("100%", y, value, colour, anchor="end", size=13)


def _rule(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    """A straight stroke between two points: across in percent, down in pixels."""
    return (
        f'<line x1="{start[0]:.3f}%" y1="{start[1]:.1f}" x2="{end[0]:.3f}%" y2="{end[1]:.1f}"'
        f' stroke="{colour}" stroke-width="1" stroke-linecap="round"/>'
    )


def _svg(title: str, height: float, drawn: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="{height:.0f}" role="img"'
        f' font-family="{FONT}"><title>{words(title)}</title>{"".join(drawn)}</svg>'
    )
