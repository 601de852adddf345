"""The import contracts hold, and each of them breaks when it should."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path) -> str:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("importer", "imported", "contract"),
    [
        ("shop/core/money.py", "orders.order.models", "The house"),
        ("catalog/county/models.py", "orders.order.models", "The house"),
        ("catalog/county/models.py", "catalog.product.models", "catalog"),
        ("orders/cart/models.py", "orders.checkout", "orders"),
        ("orders/checkout/place.py", "orders.aftersales", "orders"),
        ("shop/access/models.py", "shop.organisation.models", "shop"),
        ("shop/messages/models.py", "shop.access.models", "shop"),
        ("shop/access/users.py", "aiosmtplib", "Only adapters"),
        ("orders/checkout/place.py", "stripe", "Only adapters"),
        ("catalog/product/models.py", "httpx", "Only adapters"),
        ("orders/funds/post.py", "catalog.county.models", "Funds"),
        ("orders/cart/models.py", "catalog.stock.moving", "Only buying"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(tmp_path: Path, importer: str, imported: str, contract: str) -> None:
    for name in ("shop", "catalog", "orders"):
        copy_code(ROOT / name, tmp_path / name)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    module = tmp_path / importer
    module.write_text(f"import {imported}\n{module.read_text()}")
    broken = [line for line in lint(tmp_path).splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), broken


def test_no_two_modules_need_each_other() -> None:
    """Not even for their types: what both need stands in a third one."""
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in ("shop", "catalog", "orders")
        for path in (ROOT / package).rglob("*.py")
    }
    needs: dict[str, set[str]] = {}
    for name, path in names.items():
        said = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        named = {f"{node.module}.{alias.name}" for node in said for alias in node.names} | {
            node.module for node in said
        }
        needs[name] = {one for one in named if one in names and one != name}
    order = TopologicalSorter(needs)
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def copy_code(source: Path, target: Path) -> None:
    for path in source.rglob("*.py"):
        there = target / path.relative_to(source)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(path.read_text())


def test_the_contracts_hold() -> None:
    said = lint(ROOT)
    assert " 0 broken" in said, said
