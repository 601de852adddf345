"""Papers say what they were told, in letters that a reader can copy out again."""

from io import BytesIO

import pytest
from pypdf import PdfReader

from shop.ui import pdf as papers
from shop.ui.pdf import ChineseFontMissing, pdf


def words(made: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(BytesIO(made)).pages)


@pytest.mark.paper
def test_chinese_comes_out_as_chinese() -> None:
    assert "端午慰问采购合同" in words(pdf("#data.title", {"title": "端午慰问采购合同"}))


@pytest.mark.paper
def test_what_was_typed_is_never_markup() -> None:
    hostile = '#panic("x") $x$ *b* #sys.version [ ] \\ " <a>'
    said = words(pdf("#data.title", {"title": hostile})).replace(" ", "")
    assert '#panic("x")$x$*b*' in said


def test_without_a_chinese_font_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    papers.chinese_font.cache_clear()
    monkeypatch.setattr(papers, "FONTS", ("No Such Font",))
    with pytest.raises(ChineseFontMissing):
        pdf("#data.title", {"title": "合同"})
    papers.chinese_font.cache_clear()
