"""Every template compiles, and none needs more than the Content-Security-Policy grants."""

import re
from pathlib import Path

import pytest

from shop.ui.pages import environment

TEMPLATES = sorted(environment().list_templates())


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_compiles_without_inline_script_or_style(name: str) -> None:
    template = environment().get_template(name)
    written = Path(template.filename or "").read_text()
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", written)


def test_every_form_that_writes_carries_the_token() -> None:
    for name in TEMPLATES:
        written = Path(environment().get_template(name).filename or "").read_text()
        forms = re.findall(r"<form[^>]*method=\"post\"[^>]*>.*?</form>", written, re.DOTALL | re.IGNORECASE)
        assert [form[:80] for form in forms if "csrf_token" not in form] == [], name
