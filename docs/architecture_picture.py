"""Draw the order of rooms as the import contracts in pyproject.toml have it (`make architecture`).

What stands higher may import what stands lower; boxes side by side may not import each other. A room that has an order
of its own within is drawn as a frame around it.
"""

import ast
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PICTURE: Final = ROOT / "docs/pictures/architecture.svg"
WIDTH: Final = 1120
MARGIN, GAP, HEAD, PAD, INSET = 24, 8, 34, 12, 12
ONE_LINE, PER_LINE, WORDS_AT = 30, 16, 172  # of a box: on one line; each line below; words beside
FONT: Final = "system-ui, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif"
NAME_PX, WORDS_PX, LETTER = 14, 12, 0.52  # a Latin letter's width in heights; a Chinese one is 1
COLOURS: Final = {  # of a package: its frame, its boxes, its letters
    "shop": ("#eef1f5", "#f8f9fb", "#3c5670"),
    "catalog": ("#f7f0e4", "#fffdf8", "#8a5a1f"),
    "orders": ("#e9f2ec", "#fbfefc", "#2f6b4a"),
}
INK, MUTED = "#24211e", "#5f5850"


@dataclass(frozen=True, slots=True)
class Room:
    """floors: its own order within, the highest first; none of a plain room. name: with dots."""

    name: str
    floors: tuple[tuple["Room", ...], ...] = ()

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    @property
    def shown(self) -> str:
        """A frame says whose room it is."""
        package, *within = self.name.split(".")
        return self.name if package == "shop" and len(within) == 1 else self.name.split(".")[-1]

    @property
    def file(self) -> Path:
        place = ROOT.joinpath(*self.name.split("."))
        return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")

    @property
    def about(self) -> str:
        """The first sentence of its docstring, without its full stop."""
        said = ast.get_docstring(ast.parse(self.file.read_text(encoding="utf-8"))) or ""
        plain = re.sub(r" \(DOMAIN[^)]*\)|`", "", " ".join(said.split()))
        return re.split(r"(?<=\w)[.;](?:\s|$)", plain, maxsplit=1)[0].rstrip(".")


def house() -> Room:
    """The contract over all packages, with what other contracts say of single rooms put into them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = [one for one in contracts["contracts"] if one["type"] == "layers"]
    inner = {container: one["layers"] for one in layers for container in one.get("containers", ())}
    (order,) = [one["layers"] for one in layers if not one.get("containers")]
    return Room("", _floors("", order, inner))


def _floors(within: str, layers: Sequence[str], inner: dict[str, list[str]]) -> tuple[tuple[Room, ...], ...]:
    """What a contract names in brackets may be missing."""
    names = ([f"{within}{name}" for name in re.findall(r"[\w.]+", layer)] for layer in layers)
    floors = ([Room(name, _floors(f"{name}.", inner.get(name, ()), inner)) for name in floor] for floor in names)
    return tuple(filter(None, (tuple(room for room in floor if room.file.exists()) for floor in floors)))


# --- how high, and then where ---------------------------------------------------------------------------------------


def _widths(floor: Sequence[Room], width: int) -> list[int]:
    """Of the boxes of a floor, side by side; together with what is between them they are as wide as it."""
    each, left_over = divmod(width - GAP * (len(floor) - 1), len(floor))
    return [each + (place < left_over) for place in range(len(floor))]


def _height(room: Room, width: int, *, alone: bool) -> int:
    if room.floors:
        return HEAD + sum(_floor_height(floor, width - 2 * PAD) + GAP for floor in room.floors) - GAP + PAD
    return ONE_LINE if alone else ONE_LINE + PER_LINE * len(_lines(room.about, width - 2 * INSET)) + 2


def _floor_height(floor: Sequence[Room], width: int) -> int:
    alone = len(floor) == 1
    return max(_height(room, wide, alone=alone) for room, wide in zip(floor, _widths(floor, width), strict=True))


def drawn() -> str:
    floors, width, top = house().floors, WIDTH - 2 * MARGIN, MARGIN + 48
    bottom = top + sum(_floor_height(floor, width) + GAP for floor in floors) - GAP + MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom}" role="img" font-family="{FONT}">',
        "<title>The order of rooms: which package and folder may import which</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(MARGIN, MARGIN + 14, "The order of rooms", 20, INK, bold=True),
        _text(MARGIN, MARGIN + 36, "A room may import what stands lower, and nothing beside or above it.", 13, MUTED),
        *_drawn_floors(floors, MARGIN, top, width),
        "</svg>\n",
    ])  # fmt: skip


def _drawn_floors(floors: Sequence[Sequence[Room]], left: int, top: int, width: int) -> Iterator[str]:
    for floor in floors:
        height, place = _floor_height(floor, width), left
        for room, wide in zip(floor, _widths(floor, width), strict=True):
            yield from _drawn(room, place, top, wide, height, alone=len(floor) == 1)
            place += wide + GAP
        top += height + GAP


def _drawn(room: Room, left: int, top: int, width: int, height: int, *, alone: bool) -> Iterator[str]:
    frame, box, ink = COLOURS[room.package]
    filled = frame if room.floors else box
    yield f'<g id="{room.name}">'
    yield (
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="6" fill="{filled}" stroke="{ink}"'
        ' stroke-opacity="0.5"/>'
    )
    yield _text(left + INSET, top + 20, room.shown, NAME_PX, ink, bold=True)
    if room.floors or alone:
        beside = left + WORDS_AT
        yield _text(beside, top + 20, _cut(room.about, left + width - INSET - beside), WORDS_PX, MUTED)
    else:
        for number, line in enumerate(_lines(room.about, width - 2 * INSET), start=1):
            yield _text(left + INSET, top + 22 + PER_LINE * number, line, WORDS_PX, MUTED)
    yield from _drawn_floors(room.floors, left + PAD, top + HEAD, width - 2 * PAD)
    yield "</g>"


# --- words ----------------------------------------------------------------------------------------------------------


def _wide(words: str) -> float:
    """About how many pixels it takes."""
    return sum(WORDS_PX if unicodedata.east_asian_width(sign) in "WF" else WORDS_PX * LETTER for sign in words)


def _cut(words: str, width: float) -> str:
    """The first words that have room, with … where there were more."""
    if _wide(words) <= width:
        return words
    kept = words.split(" ")
    while len(kept) > 1 and _wide(" ".join(kept).rstrip(",:") + " …") > width:
        kept.pop()
    return " ".join(kept).rstrip(",:") + " …"


def _lines(words: str, width: float) -> list[str]:
    """Two lines at most."""
    first = words.split(" ")
    rest: list[str] = []
    while len(first) > 1 and _wide(" ".join(first)) > width:
        rest.insert(0, first.pop())
    return [" ".join(first), _cut(" ".join(rest), width)] if rest else [" ".join(first)]


def _text(x: float, y: float, words: str, px: int, colour: str, *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{px}" fill="{colour}"{weight}>{escape(words, quote=False)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
