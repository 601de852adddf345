"""Each process knows every table that its rows point at: one that migrated nothing writes them all the same."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNKNOWN = """
from sqlalchemy.exc import NoReferencedTableError
from sqlmodel import SQLModel
assert SQLModel.metadata.tables
for table in list(SQLModel.metadata.tables.values()):
    for key in table.foreign_keys:
        try:
            key.column
        except NoReferencedTableError:
            print(f"{table.name}.{key.parent.name} -> {key.target_fullname}")
"""


@pytest.mark.parametrize(
    "process",
    [
        "from shop.core.settings import Settings; from shop.app.main import create_app; create_app(Settings())",
        "import asyncio; from shop.app.commands.run import run; run(asyncio.sleep(0))",
    ],
    ids=["web", "worker and commands"],
)
def test_every_foreign_key_leads_to_a_known_table(process: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{process}\n{UNKNOWN}"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
