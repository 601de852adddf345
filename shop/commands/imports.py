"""`shop import`: every kind of file, from the command line."""

from typing import Any

import catalog.upload.kind
from catalog.upload.kind import kind_named
from catalog.upload.kinds import CATALOG_KINDS
from catalog.upload.stage import import_file
from orders.credit.upload import COUNTING_RULES
from orders.spending.upload import SPENDING_RULES
from shop.core import clock
from shop.core.database import Database

KINDS = (*CATALOG_KINDS, COUNTING_RULES, SPENDING_RULES)


def template(kind: str) -> str:
    """Header and one example row as csv. Raises KindUnknown, KindComesLater."""
    return catalog.upload.kind.template(kind_named(kind, KINDS)).decode("utf-8-sig")


async def load(database: Database, *, kind: str, name: str, content: bytes) -> dict[str, Any]:
    """Import one file as the shop itself. Raises what `import_file` raises."""
    done = await import_file(
        database,
        kind=kind_named(kind, KINDS),
        file_name=name,
        data=content,
        actor=None,
        now=clock.now(),
    )
    return {
        "kind": done.kind,
        "rows": done.rows,
        "saved": done.saved,
        "repeated": done.repeated,
        "batch_id": done.batch_id,
    }
