"""The English catalogues hold only what the shop can still say: a sentence that was reworded leaves no dead line."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import read_po
from jinja2 import nodes

from shop.ui.i18n import CODE_ROOT, PACKAGES, slice_folders
from shop.ui.pages import environment

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def said_in_python() -> Iterator[ast.AST]:
    for package in PACKAGES:
        for module in (CODE_ROOT / package).rglob("*.py"):
            yield from ast.walk(ast.parse(module.read_text()))


def said_in_templates() -> Iterator[str]:
    frame = environment()
    for name in frame.list_templates():
        written = Path(frame.get_template(name).filename or "").read_text()
        yield from (one.value for one in frame.parse(written).find_all(nodes.Const) if isinstance(one.value, str))
        for _, _, said in frame.extract_translations(written):
            yield from filter(None, said if isinstance(said, tuple) else (said,))


def with_blanks(sentence: ast.JoinedStr) -> str:
    """A pattern of what an f-string can say."""
    return "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in sentence.values)


def test_no_translation_is_of_a_sentence_that_nobody_says() -> None:
    python = list(said_in_python())
    said = {one.value for one in python if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    said |= set(said_in_templates())
    patterns = {with_blanks(one) for one in python if isinstance(one, ast.JoinedStr)}
    sentences = [one for one in patterns if len(CHINESE.findall(one)) >= 4]  # "…。" alone would say everything
    composed = re.compile("|".join(f"(?:{one})" for one in sentences), re.DOTALL)
    dead = set()
    for folder in slice_folders("locale"):
        for catalogue in folder.glob("*.po"):
            with catalogue.open("rb") as lines:
                known = [one.id if isinstance(one.id, str) else one.id[0] for one in read_po(lines)]
            dead |= {one for one in known if one and one not in said and not composed.fullmatch(one)}
    assert dead == set()
