"""docs/domain.md: its rules are numbered from 1 on, and every rule that the code cites is one of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOC: Final = (ROOT / "docs/domain.md").read_text(encoding="utf-8")
RULES: Final = [int(number) for number in re.findall(r"^### (\d+)\. \S", DOC, re.MULTILINE)]
_CITED: Final = re.compile(r"(?:\bDOMAIN(?:\s+rules?)?|\(rules?)\s+(\d+(?:(?:,\s*(?:and\s+)?|\s+and\s+)\d+)*)")
_LINE_ENDS: Final = re.compile(r"\s*\n\s*(?:#\s*)?")


def cited(text: str) -> set[int]:
    """`DOMAIN rule 7`, `DOMAIN rules 1, 3 and 8`, `DOMAIN 31` and, where DOMAIN was said before, `(rule 36)`."""
    found = _CITED.findall(_LINE_ENDS.sub(" ", text))
    return {int(number) for one in found for number in re.findall(r"\d+", one)}


def citing() -> Iterator[Path]:
    for folder, pattern in (("shop", "*.py"), ("catalog", "*.py"), ("orders", "*.py"), ("docs/decisions", "*.md")):
        yield from sorted((ROOT / folder).rglob(pattern))


def test_rules_are_numbered_from_one_on() -> None:
    assert list(range(1, len(RULES) + 1)) == RULES


def test_every_rule_that_is_cited_is_there() -> None:
    by_file = {str(path.relative_to(ROOT)): cited(path.read_text(encoding="utf-8")) for path in citing()}
    assert len([one for one in by_file.values() if one]) > 30, "the citations are found at all"
    assert {name: missing for name, numbers in by_file.items() if (missing := numbers - set(RULES))} == {}


def test_rules_that_the_text_refers_to_are_there() -> None:
    assert {int(number) for number in re.findall(r"\brules? (\d+)", DOC)} <= set(RULES)


def test_what_is_planted_is_found() -> None:
    assert cited("first the deal (DOMAIN rules 1, 3, 7 and 41)") == {1, 3, 7, 41}
    assert cited("an assisted sale (DOMAIN\n    rule 42).") == {42}
    assert cited("# held (DOMAIN rules\n# 43, 44, and 45); the months (rule 46)") == {43, 44, 45, 46}
    assert cited("DOMAIN 47, with amount") == {47}
    assert cited("SOME_DOMAINS 3, rule 12 of the bank") == set()
