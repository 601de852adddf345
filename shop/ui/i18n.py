"""Chinese first, English second: which language a page speaks, and where its words come from."""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Lang = Literal["zh", "en"]

CODE_ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("shop", "catalog", "orders")


def slice_folders(name: str) -> list[Path]:
    """Folders called `name` directly in a slice or one floor below a package, this package's own first."""
    patterns = [f"{package}/{depth}/{name}" for package in PACKAGES for depth in ("*", "*/*")]
    own = Path(__file__).parent / name
    found = {folder for pattern in patterns for folder in CODE_ROOT.glob(pattern) if folder.is_dir()}
    return [own, *sorted(found - {own})]


def choose_lang(asked: str | None, accept_language: str) -> Lang:
    """The language of a page: what was asked for (`?lang=`), else the header's better liked one, else Chinese."""
    if asked == "zh":
        return "zh"
    if asked == "en":
        return "en"
    liked = {"zh": 0.0, "en": 0.0}
    for entry in accept_language.split(","):
        tag, _, weight = entry.partition(";")
        primary = tag.strip().lower().split("-")[0]
        if primary in liked:
            liked[primary] = max(liked[primary], _quality(weight))
    return "en" if liked["en"] > liked["zh"] else "zh"


@cache
def translations(lang: Lang) -> NullTranslations:
    """The words of a language: Chinese is the source and speaks for itself; English is read from `*/locale/en.po`.

    A sentence without a translation stays Chinese. The catalogues are compiled in memory: no gettext tools needed.
    """
    words = NullTranslations()
    for folder in slice_folders("locale"):
        source = folder / f"{lang}.po"
        if not source.exists():
            continue
        compiled = BytesIO()
        with source.open("rb") as lines:
            write_mo(compiled, read_po(lines, locale=lang))
        compiled.seek(0)
        more = GNUTranslations(compiled)
        more.add_fallback(words)
        words = more
    return words


def _quality(weight: str) -> float:
    name, _, figure = weight.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(figure), 0.0), 1.0)
    except ValueError:
        return 0.0
