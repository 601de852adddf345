"""How many pieces of a SKU come in one case: what is bought, and who pays for it, follows from that."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from orders.bulk.plan.cases import cased
from orders.bulk.plan.change_plan import content_changed
from orders.bulk.plan.check import check
from orders.bulk.problems import WrongState
from orders.bulk.states import OPEN_TO_CHANGE
from orders.bulk.visibility import purchase_for
from shop.access.permissions import Actor, Permission
from shop.core.database import WriteSession
from shop.core.errors import Detail, Invalid
from shop.core.rows import as_rows

_SET = text("""
INSERT INTO bulk_case (purchase_id, sku_id, case_pieces)
SELECT DISTINCT k.purchase_id, l.sku_id, w.case_pieces
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS w(sku_id uuid, case_pieces int)
JOIN bulk_package_line l ON l.sku_id = w.sku_id JOIN bulk_package k ON k.id = l.package_id AND k.purchase_id = :purchase
ON CONFLICT (purchase_id, sku_id) DO UPDATE SET case_pieces = excluded.case_pieces RETURNING sku_id
""")


async def set_cases(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, case_pieces: Mapping[UUID, int], now: datetime
) -> None:
    """How many pieces a case holds, by SKU; other sizes are another content, which nobody has approved.

    Raises NotFound, WrongState, Invalid for a SKU that is not bought.
    """
    purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    if purchase.state not in OPEN_TO_CHANGE:
        raise WrongState("货已下单，整箱件数不能再改。", extra={"state": purchase.state})
    before = {one.sku_id: one.case_pieces for one in await cased(session, purchase_id)}
    if all(before.get(sku) == pieces for sku, pieces in case_pieces.items()):
        return
    await content_changed(session, purchase_id=purchase_id, actor_id=actor.user_id, now=now, reason="修改整箱件数")
    rows = as_rows({"sku_id": str(sku), "case_pieces": pieces} for sku, pieces in case_pieces.items())
    kept = set(await session.scalars(_SET, {"purchase": purchase_id, "rows": rows}))
    if missing := [sku for sku in case_pieces if sku not in kept]:
        raise Invalid("有规格不在这次采购里。", [Detail("/cases", "sku_unknown", str(sku)) for sku in missing])
    await check(session, purchase_id=purchase_id, now=now)
