"""docs/architecture.md and its picture say what is: drawn from the contracts as they are, with every folder in it."""

import re
import runpy
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PICTURE: Final = (ROOT / "docs/pictures/architecture.svg").read_text(encoding="utf-8")
DOCS: Final = ("docs/architecture.md", "docs/domain.md", "CONTRIBUTING.md", "SECURITY.md")
PLACE: Final = re.compile(r"`((?:shop|catalog|orders|tests|docs|migrations|bench|\.ci)/[\w./-]*)`")


def test_the_picture_is_what_the_command_draws() -> None:
    drawn = runpy.run_path(str(ROOT / "docs/architecture_picture.py"))["drawn"]()
    assert drawn == PICTURE, "it is out of date: make architecture"


def test_every_folder_of_the_packages_is_in_it() -> None:
    rooms = {
        f"{package}.{init.parent.name}"
        for package in ("shop", "catalog", "orders")
        for init in (ROOT / package).glob("*/__init__.py")
    }
    assert rooms <= set(re.findall(r'<g id="([\w.]+)">', PICTURE))
    assert len(rooms) > 40


@pytest.mark.parametrize("doc", DOCS)
def test_every_place_that_a_document_names_is_there(doc: str) -> None:
    places = PLACE.findall((ROOT / doc).read_text(encoding="utf-8"))
    assert {place for place in places if not (ROOT / place).exists()} == set()
