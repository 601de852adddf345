"""`make bench`: one benchmark that fails loses nothing of the others, and nobody sees log lines."""

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from rich.console import Console

from bench.driver import measure

OLD = {"name": "slow", "ratio": 3, "goal": 1, "better": "lower", "detail": {}, "form": "full", "measured_at": "then"}


async def measured(quick: bool) -> list[dict[str, Any]]:
    structlog.get_logger().info("a line")
    sys.stdout.write("another line\n")
    started = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('and one more')", stdout=sys.stderr)
    await started.wait()
    row = {"ratio": 0.5 if quick else 0.75, "goal": 0.25, "better": "higher"}
    return [{"name": name, **row, "detail": {"per_s": 7}} for name in ("fast", "flat")]


async def broken(quick: bool) -> list[dict[str, Any]]:
    raise LookupError("no [font]\nand much more")


RUNS = {("slow",): broken, ("fast", "flat"): measured}


def told(folder: Path, *only: str, quick: bool = True) -> tuple[bool, str, dict[str, dict[str, Any]]]:
    """Whether all was measured, what was printed, and what was written."""
    printed = io.StringIO()
    whole = measure(RUNS, only=only, quick=quick, folder=folder, console=Console(file=printed, width=300))
    written = folder / "bench.json"
    kept = json.loads(written.read_text()) if written.exists() else []
    return whole, printed.getvalue(), {one["name"]: one for one in kept}


def test_what_fails_costs_the_others_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole, printed, kept = told(tmp_path)
    assert not whole
    log = tmp_path / "bench" / "slow.log"
    assert f"not measured: LookupError: no [font] ({log})" in printed
    assert "LookupError: no [font]\nand much more" in log.read_text()
    assert ("per_s 7" in printed, sorted(kept)) == (True, ["fast", "flat"])
    assert capfd.readouterr() == ("", "")
    said = (tmp_path / "bench" / "fast.log").read_text()
    assert all(line in said for line in ("a line", "another line", "and one more"))


def test_what_was_not_asked_for_stays_as_it_was_measured(tmp_path: Path) -> None:
    gone = OLD | {"name": "measured no more"}
    (tmp_path / "bench.json").write_text(json.dumps([gone, OLD]))
    whole, printed, first = told(tmp_path, "fast", "flat", quick=False)
    assert (whole, "slow" in printed, first["slow"], "measured no more" in first) == (True, False, OLD, False)
    _, _, second = told(tmp_path, "fast")
    assert (second["flat"], second["slow"]) == (first["flat"], OLD)
    assert (second["fast"]["form"], second["flat"]["form"]) == ("short", "full")
    assert second["fast"]["measured_at"] >= first["fast"]["measured_at"]


def test_what_could_not_be_measured_keeps_its_last_figures(tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(json.dumps([OLD]))
    whole, _, kept = told(tmp_path)
    assert (whole, kept["slow"]) == (False, OLD)
