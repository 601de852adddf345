"""What nobody calls is not kept: a verb that only tests know gets its door, or goes.

Found by vulture among functions, methods, classes, imports and constants of modules. Templates may use what Python
does not; tables' classes are used by their rows.
"""

import re
from pathlib import Path
from typing import Final

from vulture import Vulture

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("shop", "catalog", "orders")
CALLED_BY_FASTAPI: Final = (
    "@routes.*", "@user.*", "@*.command*", "@field_validator", "@model_validator", "@model_serializer",
    "@field_serializer", "@listens_for", "@event.*", "@cli.*", "@app.*",
)  # fmt: skip
KINDS: Final = {"function", "method", "property", "class", "import", "unreachable_code"}
ALLOWED: Final[dict[str, str]] = {
    "collect": "prometheus asks a collector",
    "get_col_spec": "SQLAlchemy asks a column's type",
    "request_async": "stripe's own HTTP interface",
    "sleep_async": "stripe's own HTTP interface",
    "close_async": "stripe's own HTTP interface",
    "capture_signals": "uvicorn's server",
    "SessionCreateParamsLineItem": "named in a quoted type",
    "TelemetryConfig": "named in a quoted type",
    "Tracer": "named in a quoted type",
    "let_refunds_fail": "the sandbox's switch for a provider in trouble, which only tests turn",
    "PUBLIC_ROUTES": "the list that tests/rules/test_routes.py holds the program to",
    "PLATFORMS": "subjects that scope `all` alone sees: a test holds each subject to one of three lists",
    "LOOKS_PERSONAL": "the words by which a test finds personal columns",
    "NOBODY_S": "personal columns that are nobody's, which the same test asks",
}


def in_templates() -> set[str]:
    endings = ("*.html", "*.typ", "*.txt")
    files = [path for package in PACKAGES for ending in endings for path in (ROOT / package).rglob(ending)]
    return {word for path in files for word in re.findall(r"\w+", path.read_text())}


def unused() -> dict[str, str]:
    """Name → where it stands."""
    finder = Vulture(ignore_decorators=list(CALLED_BY_FASTAPI))
    finder.scavenge([str(ROOT / package) for package in PACKAGES])
    used = in_templates()
    found = {}
    for item in finder.get_unused_code(min_confidence=60):
        lines = Path(item.filename).read_text().splitlines()
        is_constant = item.typ == "variable" and not lines[item.first_lineno - 1].startswith((" ", "\t"))
        if item.name in used or item.filename.name.endswith("models.py") or not (item.typ in KINDS or is_constant):
            continue
        found[item.name] = f"{item.filename.relative_to(ROOT)}:{item.first_lineno}"
    return found


def test_nothing_is_kept_that_nobody_calls() -> None:
    assert {name: place for name, place in unused().items() if name not in ALLOWED} == {}


def test_no_allowance_outlives_what_it_allows() -> None:
    assert set(ALLOWED) - set(unused()) == set()
