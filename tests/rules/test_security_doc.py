"""docs/security.md: each item of ASVS 5.0.0, levels 1 and 2, is answered once, and what an answer names is there."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOC: Final = (ROOT / "docs/security.md").read_text()
ITEMS: Final = (ROOT / "tests/rules/asvs_5_0_0.txt").read_text().split()
"""By their numbers, in the order of the standard; a line of the file is one of its sections."""
ROW: Final = re.compile(r"\| (\d+\.\d+\.\d+) \| [^|]+ \| (met|\*\*not met\*\*|not applicable) \| ([^|]+) \|")
ROWS: Final = [found.groups() for line in DOC.splitlines() if (found := ROW.fullmatch(line))]
PLACE: Final = re.compile(
    r"`((?:shop|catalog|orders|tests|docs|migrations|\.ci)/[^`\s]+|(?:Docker|Caddy)file|[\w.-]+\.(?:yaml|toml|lock|md)|\.dockerignore)`"
)
HEADING: Final = re.compile(r'"([A-Z][\w ]+)" (?:above|below)')


@cache
def named_in(path: Path) -> set[str]:
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, defined)}


def is_there(place: str) -> bool:
    name, _, test = place.partition("::")
    path = ROOT / name
    return path.exists() and (not test or (test.startswith("test_") and test in named_in(path)))


def test_each_item_is_answered_once_in_its_order() -> None:
    assert [item for item, _, _ in ROWS] == ITEMS
    assert len([line for line in DOC.splitlines() if re.match(r"\| \d", line)]) == len(ROWS), "a row that is none"


def test_every_place_that_is_named_is_there() -> None:
    assert {place for place in PLACE.findall(DOC) if not is_there(place)} == set()
    assert {name for name in HEADING.findall(DOC) if f"# {name}\n" not in DOC and f"**{name}.**" not in DOC} == set()


def test_what_is_met_says_where_and_what_is_not_says_why() -> None:
    shown = {item for item, answer, why in ROWS if answer == "met" and not (PLACE.search(why) or HEADING.search(why))}
    assert shown == set()
    assert [item for item, answer, why in ROWS if answer != "met" and len(why) < 5] == []


def test_the_sum_is_the_tables() -> None:
    counted = Counter(answer.strip("*") for _, answer, _ in ROWS)
    said = (
        f"Of {len(ROWS)} items {counted['met']} are met, {counted['not met']} are not met, "
        f"{counted['not applicable']} are not applicable."
    )
    assert said in DOC
