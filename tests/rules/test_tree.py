"""What the house promises about its own text: size, names, and nothing of the machine it was written on."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX, FUNCTION_LINES_MAX = 400, 70
VAGUE = re.compile(r"^(utils?|helpers?|common|misc|managers?|services?|repositor(y|ies))$")
TOP = {"shop", "catalog", "orders", "migrations", "tests", "docs", "bench", ".ci"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


FILES = tracked()
MODULES = [path for path in FILES if path.suffix == ".py" and "versions" not in path.parts]


def test_no_module_is_long() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in MODULES
        if (count := len(path.read_text().splitlines())) > LINES_MAX
    }
    assert long == {}


def test_no_function_is_long() -> None:
    long = []
    for path in (module for module in MODULES if "tests" not in module.parts):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} ({lines})")
    assert long == []


def test_rows_are_written_by_statements() -> None:
    """The toolkit's own way looks up every table that a row refers to, and a process loads only those that it needs:
    what a test writes, a server could not.
    """
    written = re.compile(r"\bsession\.(add|add_all|merge|delete)\(")
    found = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.relative_to(ROOT).parts[0] in {"shop", "catalog", "orders"} and written.search(path.read_text())
    ]
    assert found == []


def test_names_say_what_is_inside() -> None:
    assert [
        str(path.relative_to(ROOT)) for path in MODULES for part in path.with_suffix("").parts if VAGUE.match(part)
    ] == []
    assert {path.relative_to(ROOT).parts[0] for path in FILES if len(path.relative_to(ROOT).parts) > 1} <= TOP


def test_one_place_says_where_a_caller_is() -> None:
    """And the server, which puts there what a trusted proxy says, is told by one setting."""
    asks = re.compile(r"client\.host|scope\[.client.\]|x-forwarded|x-real-ip|forwarded_allow_ips", re.IGNORECASE)
    found = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.relative_to(ROOT).parts[0] in {"shop", "catalog", "orders"}
        and any(asks.search(line) for line in path.read_text().splitlines() if not line.lstrip().startswith(('"', "#")))
    }
    assert found <= {"shop/access/address.py", "shop/core/server.py", "shop/core/settings.py"}


# Written so that these lines do not find themselves.
@pytest.mark.parametrize(
    "forbidden",
    [
        r"--(extra-)?index" + "-url",
        r"https?://[^\s\"']+/sim" + "ple",
        r"https?://[^\s\"']+\.(whl|tar\.gz|tgz|deb)\b",
        "/wo" + r"rk/(main|shared)",
    ],
)
def test_nothing_names_an_index_or_this_machine(forbidden: str) -> None:
    pattern = re.compile(forbidden)
    found = []
    for path in FILES:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []
