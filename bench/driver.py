"""Runs benchmarks one after the other: what fails costs the others nothing, and what was measured is kept at once."""

import asyncio
import json
import traceback
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

Result = dict[str, Any]
Runs = Mapping[tuple[str, ...], Callable[[bool], Coroutine[Any, Any, list[Result]]]]
"""By the names of what each measures; it is told whether the short form is wanted."""


def measure(runs: Runs, *, only: Collection[str], quick: bool, folder: Path, console: Console) -> bool:
    """Print what was measured and what was not; False: something was not.

    only: names, empty for all. folder: `bench.json` keeps the last figures of each name there, with their form and
    moment, and `bench/` what each benchmark said while it ran.
    """
    table = Table("name", "ratio", "goal", "", "detail")
    kept = _Kept(folder / "bench.json", [name for names in runs for name in names])
    whole = True
    for names, run in runs.items():
        asked = [name for name in names if not only or name in only]
        if not asked:
            continue
        log = folder / "bench" / f"{names[0]}.log"
        try:
            with console.status("measuring " + ", ".join(names)), _said_into(log):
                results = [one for one in asyncio.run(run(quick)) if one["name"] in asked]
        except Exception as error:  # noqa: BLE001  # whatever it was, the others are measured
            whole = False
            for name in asked:
                table.add_row(name, "", "", "✗", escape(f"not measured: {_reason(error)} ({log})"))
        else:
            kept.add(results, form="short" if quick else "full")
            for result in results:
                table.add_row(*_row(result))
    console.print(table)
    return whole


class _Kept:
    """The last figures of each name, in the order of the names; what is measured no more is forgotten."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self._path, self._names = path, names
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        self._results: dict[str, Result] = {one["name"]: one for one in before}

    def add(self, results: list[Result], *, form: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._results |= {one["name"]: one | {"form": form, "measured_at": at} for one in results}
        written = [self._results[name] for name in self._names if name in self._results]
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(written, ensure_ascii=False, indent=2), encoding="utf-8")


@contextmanager
def _said_into(log: Path) -> Iterator[None]:
    """What this process writes goes into a file, and so does what others do whom it starts with its `sys.stderr`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", buffering=1, encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        try:
            yield
        except Exception:
            traceback.print_exc()
            raise


def _reason(error: Exception) -> str:
    first, *_ = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _row(result: Result) -> tuple[str, ...]:
    higher = result["better"] == "higher"
    met = result["ratio"] >= result["goal"] if higher else result["ratio"] <= result["goal"]
    return (
        result["name"],
        f"{result['ratio']:.2f}",
        f"{'≥' if higher else '≤'} {result['goal']}",
        "✓" if met else "✗",
        ", ".join(f"{key} {value}" for key, value in result["detail"].items()),
    )
