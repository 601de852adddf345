"""One place says in which order transactions committed."""

import re
from pathlib import Path

from shop.core import commit_number

ROOT = Path(__file__).parents[3]
OF_THE_CLUSTER = re.compile(r"pg_current_(?:xact_id|snapshot|wal)|txid_current|pg_snapshot_xmin\(pg_current")


def test_nobody_else_asks_the_cluster() -> None:
    sources = [path for room in ("shop", "catalog", "orders") for path in (ROOT / room).rglob("*.py")]
    found = [path for path in sources if OF_THE_CLUSTER.search(path.read_text())]
    assert found == [Path(str(commit_number.__file__))]
