"""How the suite is shared out among pytest's processes."""

from pathlib import Path

from tests.conftest import LONG


def test_the_files_that_begin_first_exist() -> None:
    names = {path.stem for path in Path(__file__).parents[1].rglob("test_*.py")}
    assert set(LONG) <= names
