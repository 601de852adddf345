"""`shop import`: every kind of file, from the command line."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final

import catalog.upload.kind
from catalog.review.schemas import waiting_out
from catalog.upload.kind import Kind, KindUnknown, kind_named
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
WAITS: Final = "waits_for_second_person"


def template(kind: str) -> str:
    """Header and one example row as csv. Raises KindUnknown."""
    if kind == SALES:
        return csv_bytes(sales_template()).decode("utf-8-sig")
    return csv_bytes(catalog.upload.kind.template(_named(kind))).decode("utf-8-sig")


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
        return {"kind": SALES, "state": WAITS} | asdict(staged)
    done = await import_file(
        database,
        kind=_named(kind),
        file_name=name,
        data=content,
        actor=None,
        now=clock.now(),
        acknowledged=acknowledged,
    )
    return {
        "kind": done.kind,
        "rows_read": done.rows_read,
        "rows": done.rows,
        "set_aside": [asdict(one) for one in done.set_aside],
        "asked": [asdict(one) for one in done.asked],
        "saved": done.saved,
        "repeated": done.repeated,
        "batch_id": done.batch_id,
        "acknowledged_columns": list(done.acknowledged),
        "products_waiting": len(done.waiting),
        "waiting": [waiting_out(one, tried=False).model_dump(mode="json") for one in done.waiting],
    }


def _named(kind: str) -> Kind[Any]:
    """Raises KindUnknown, which names them all."""
    try:
        return kind_named(kind, KINDS)
    except KindUnknown as unknown:
        known = "、".join([*(one.name for one in KINDS), SALES])
        raise KindUnknown(f"没有“{kind}”这种导入；可用：{known}。") from unknown
