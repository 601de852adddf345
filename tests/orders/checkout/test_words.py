"""A visitor who asks for English gets it: every sentence of these pages, and of what may be wrong on them."""

import re

import pytest
from babel.messages.extract import extract

from orders.checkout.form import SAID
from orders.checkout.quoted import TROUBLES
from shop.ui.i18n import slice_folders, translations

PAGES = [
    page
    for folder in slice_folders("templates")
    if folder.parent.name in {"checkout", "order"}
    for page in sorted(folder.rglob("*.html"))
]
ENGLISH = translations("en")


def is_english(sentence: str) -> bool:
    said = re.sub("上海市?黄浦区?", "", ENGLISH.gettext(sentence))  # an example of what to type
    return not re.search(r"[\u4e00-\u9fff，。：]", said)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_sentence_of_a_page(page: object) -> None:
    with page.open("rb") as source:  # type: ignore[attr-defined]
        for _, sentence, _, _ in extract("jinja2.ext:babel_extract", source):
            if isinstance(sentence, str):
                assert is_english(sentence), sentence
            else:
                said = ENGLISH.ngettext(sentence[0], sentence[1], 2)
                assert not re.search(r"[\u4e00-\u9fff]", said), sentence


def test_every_trouble_of_a_line_and_of_an_address() -> None:
    for sentence in [*(said for pair in TROUBLES.values() for said in pair), *SAID.values()]:
        assert is_english(sentence), sentence
