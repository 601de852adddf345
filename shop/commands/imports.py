"""`shop import`: every kind of file, from the command line."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final

import catalog.upload.kind
from catalog.review.schemas import waiting_out
from catalog.upload.kind import kind_named
from catalog.upload.kinds import CATALOG_KINDS
from catalog.upload.stage import import_file
from orders.credit.upload import COUNTING_RULES
from orders.intake.read_rows import template as sales_template
from orders.intake.stage import stage_file
from orders.spending.upload import SPENDING_RULES
from shop.core import clock
from shop.core.database import Database
from shop.sheet.write import csv_bytes

KINDS = (*CATALOG_KINDS, COUNTING_RULES, SPENDING_RULES)

SALES: Final = "sales"
"""Staged for a second person in `orders.intake`, not saved at once like the others."""


def template(kind: str) -> str:
    """Header and one example row as csv. Raises KindUnknown."""
    if kind == SALES:
        return csv_bytes(sales_template()).decode("utf-8-sig")
    return csv_bytes(catalog.upload.kind.template(kind_named(kind, KINDS))).decode("utf-8-sig")


async def load(
    database: Database,
    *,
    kind: str,
    name: str,
    content: bytes,
    channel: str | None = None,
    acknowledged: Collection[str] = (),
) -> dict[str, Any]:
    """Import one file as the shop itself. Sales made elsewhere wait for somebody who confirms them; channel: theirs,
    where the file does not say it. acknowledged: titles of columns that need no reading. Raises what `import_file` and
    `stage_file` raise.
    """
    if kind == SALES:
        staged = await stage_file(
            database,
            data=content,
            file_name=name,
            channel=channel,
            actor=None,
            paper=None,
            now=clock.now(),
            acknowledged=acknowledged,
        )
        return {"kind": SALES, "saved": not staged.repeated} | asdict(staged)
    done = await import_file(
        database,
        kind=kind_named(kind, KINDS),
        file_name=name,
        data=content,
        actor=None,
        now=clock.now(),
        acknowledged=acknowledged,
    )
    return {
        "kind": done.kind,
        "rows": done.rows,
        "saved": done.saved,
        "repeated": done.repeated,
        "batch_id": done.batch_id,
        "acknowledged_columns": list(done.acknowledged),
        "products_waiting": len(done.waiting),
        "waiting": [waiting_out(one, tried=False).model_dump(mode="json") for one in done.waiting],
    }
