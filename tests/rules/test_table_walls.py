"""The walls hold for tables: a slice writes its own, and reads its own and those of slices below it.

Whoever would reach through a wall asks the owner for a verb, or a question of his, or moves down what both need.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlmodel import SQLModel

from shop.app.migrate import import_tables

import_tables()
ROOT: Final = Path(__file__).resolve().parents[2]
OWNERS: Final[dict[str, str]] = {
    mapper.local_table.name: ".".join(mapper.class_.__module__.split(".")[:2])  # type: ignore[attr-defined]
    for mapper in SQLModel._sa_registry.mappers
}
CLASSES: Final[dict[str, str]] = {
    mapper.class_.__name__: mapper.local_table.name  # type: ignore[attr-defined]
    for mapper in SQLModel._sa_registry.mappers
}
CONTRACTS: Final[list[dict[str, Any]]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
_IS_SQL: Final = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|FROM|JOIN|TRUNCATE)\b")
_COMMENT: Final = re.compile(r"--[^\n]*")
_WITH: Final = re.compile(
    r"(?:\bWITH(?:\s+RECURSIVE)?|,)\s*(\w+)(?:\s*\([^)]*\))?\s+AS\s+(?:(?:NOT\s+)?MATERIALIZED\s+)?\("
)
_WRITTEN: Final = re.compile(
    r"(?<!FOR )(?<!KEY )\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE)\s+(?:ONLY\s+)?(\w+)"
)
_WRITES_ANY: Final = re.compile(
    r"(?<!FOR )(?<!KEY )(?<!DO )\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE)\s+(?:ONLY\s+)?"
    r"\"?\s*(?:x\b|[{%$]|\Z)"
)
_NO_ALIAS: Final = "ON|WHERE|SET|LEFT|CROSS|JOIN|USING|GROUP|ORDER|LIMIT|FOR"
_ONE: Final = rf"\w+(?:\s+(?:AS\s+)?(?!(?:{_NO_ALIAS})\b)\w+)?"
_READ: Final = re.compile(rf"\b(?:FROM|JOIN|USING)\s+(?:ONLY\s+)?({_ONE}(?:\s*,\s*{_ONE})*)")


ANY_TABLE: Final = {
    "orders.order.write": "copies the rows of an order, each of its own tables, and of attribution in the owner's type",
    "orders.seal.seal": "copies members or events of a seal: both are its own",
    "shop.organisation.members": "memberships of a unit or a union: both are its own",
}
"""Modules that write a table whose name is put in, and why that is no wall. This list only shrinks."""


def layers(contract: str) -> list[list[str]]:
    """Of a contract by the beginning of its name, the lowest first."""
    (found,) = [one["layers"] for one in CONTRACTS if one["name"].startswith(contract)]
    return [re.findall(r"[\w.]+", layer) for layer in reversed(found)]


def heights() -> dict[str, int]:
    """How high each slice stands: what a slice may read stands lower than it."""
    floors: list[list[str]] = []
    for layer in layers("The house"):
        for name in layer:
            if name in {"catalog", "orders"}:
                floors += [[f"{name}.{one}" for one in inner] for inner in layers(f"{name}: ")]
        floors.append([name for name in layer if name not in {"catalog", "orders"}])
    return {name: height for height, floor in enumerate(floors) for name in floor}


HEIGHTS: Final = heights()


def literals(tree: ast.AST) -> Iterator[str]:
    """Every text but docstrings; what is put into one is left out."""
    described = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    docs = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, described) and node.body
            and isinstance(node.body[0], ast.Expr)}  # fmt: skip
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else " x " for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts | docs:
            yield node.value


def of_sql(sql: str) -> tuple[set[str], set[str]]:
    """Tables of ours that a statement, or a piece of one, reads and writes."""
    sql = _COMMENT.sub("", sql)
    here = set(_WITH.findall(sql))
    written = {name for name in _WRITTEN.findall(sql) if name in OWNERS}
    read = {one.split()[0] for found in _READ.findall(sql) for one in found.split(",")}
    return {name for name in read if name in OWNERS} - here, written


def of_models(tree: ast.AST) -> tuple[set[str], set[str]]:
    """The same of typed statements and rows: a model that is imported is read."""
    imported = {
        alias.asname or alias.name: CLASSES[alias.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("models")
        for alias in node.names
        if alias.name in CLASSES
    }
    written = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if (
                called in {"insert", "insert_once", "update", "delete"}
                and node.args
                and isinstance(node.args[0], ast.Name)
            ):
                written.add(node.args[0].id)
            elif called in {"add", "add_all", "merge"}:
                written |= {
                    made.func.id
                    for made in ast.walk(node)
                    if isinstance(made, ast.Call) and isinstance(made.func, ast.Name)
                }
            elif called == "copy_records_to_table" and node.args and isinstance(node.args[0], ast.Constant):
                imported |= {str(node.args[0].value): str(node.args[0].value)}
                written.add(str(node.args[0].value))
    return set(imported.values()), {imported[name] for name in written if name in imported}


def through_walls(module: str, source: str) -> Iterator[str]:
    """`orders.cart.jobs writes stock_item`, one for each table. module: with dots."""
    tree, own = ast.parse(source), ".".join(module.split(".")[:2])
    read, written = of_models(tree)
    for text in filter(_IS_SQL.search, literals(tree)):
        more = of_sql(text)
        read, written = read | more[0], written | more[1]
    for table in sorted(written):
        if OWNERS[table] != own:
            yield f"{module} writes {table}"
    for table in sorted(read - written):
        if OWNERS[table] != own and HEIGHTS.get(OWNERS[table], 0) >= HEIGHTS.get(own, 999):
            yield f"{module} reads {table}"


def writes_any(source: str) -> bool:
    """Whether a table is written whose name is put in, so that nobody can read here which one."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        table, called = node.args[0], getattr(node.func, "attr", None) or getattr(node.func, "id", "")
        if called in {"copy_records_to_table", "copy_to_table"} and not isinstance(table, ast.Constant):
            return True
        is_model = isinstance(table, ast.Name) and table.id[0].isupper()
        if isinstance(node.func, ast.Name) and called in {"insert", "insert_once", "update", "delete"} and not is_model:
            return True
    return any(_WRITES_ANY.search(_COMMENT.sub("", text)) for text in literals(tree) if _IS_SQL.search(text))


def modules() -> Iterator[tuple[str, str]]:
    for package in ("shop", "catalog", "orders"):
        for file in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(file.relative_to(ROOT).with_suffix("").parts), file.read_text(encoding="utf-8")


def test_each_slice_writes_its_own_tables_and_reads_those_below() -> None:
    found = {one for module, source in modules() for one in through_walls(module, source)}
    assert found == set(), "ask the owner for a verb, or a question of his"


def test_every_table_that_is_written_is_named() -> None:
    found = {module for module, source in modules() if writes_any(source)}
    assert found - set(ANY_TABLE) == set(), "name the table where it is written: else no wall is seen"
    assert set(ANY_TABLE) - found == set(), "true no more: take the line out"


def test_what_is_planted_is_found() -> None:
    planted = {
        'text("DELETE FROM stock_item WHERE sku_id = :sku")': "writes stock_item",
        'text("UPDATE shop_order SET state = :to")': "writes shop_order",
        'text("WITH a AS (INSERT INTO credit_entry SELECT 1 RETURNING id) SELECT * FROM a")': "writes credit_entry",
        'text("SELECT 1 FROM cart_line c, bulk_purchase p WHERE p.id = c.id")': "reads bulk_purchase",
        'text(f"SELECT {x} FROM person JOIN acceptance_duty d USING (id)")': "reads acceptance_duty",
    }
    for source, said in planted.items():
        assert [*through_walls("orders.cart.jobs", source)] == [f"orders.cart.jobs {said}"]
    typed = "from catalog.stock.models import StockItem\nasync def f(s): s.add(StockItem(id=1))"
    assert [*through_walls("orders.cart.jobs", typed)] == ["orders.cart.jobs writes stock_item"]
    for fine in ('text("SELECT 1 FROM sku s FOR UPDATE")', 'text("WITH payment AS (SELECT 1) SELECT * FROM payment")'):
        assert [*through_walls("orders.cart.jobs", fine)] == []
    for any_table in (
        'text(f"INSERT INTO {table} VALUES (1)")', 'a = "DELETE FROM " + t', 'a = "UPDATE {} SET a = 1".format(t)',
        'text(f\'TRUNCATE ONLY "{t}"\')', "c.copy_records_to_table(table, records=[])", "s.execute(insert(TABLES[a]))",
    ):  # fmt: skip
        assert writes_any(any_table), any_table
    for named in ('text(f"SELECT {a} FOR NO KEY UPDATE {b}")', "d.update(x)", "s.execute(insert(Person).values(**x))"):
        assert not writes_any(named), named
