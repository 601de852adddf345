"""Is a count complete? Against what was allocated to the delivery, line by line and payer by payer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.acceptance.owe import Owed
from orders.acceptance.problems import CountDiffers, PastBestBefore
from orders.acceptance.received import Acceptors, Delivered
from orders.acceptance.rules import NOBODY, Counted, Group, shelf_life_warning
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound

PIECE = 1_000
REASON_MOST = 200


@dataclass(frozen=True, slots=True)
class CountedDelivery:
    """A delivery whose count adds up. groups: whose pieces each count is; warnings: by (line, payer share)."""

    delivery_id: UUID
    delivery_note: str | None
    groups: list[tuple[Group, Counted]]
    warnings: dict[tuple[UUID, UUID | None], str]


_DELIVERIES = bindparam("deliveries", type_=ARRAY(Uuid))
_EXPECTED = text("""
SELECT a.delivery_id, a.line_id, a.payer_share_id, y.owns_pieces, l.title, p.shelf_life_days, s.weighed,
    coalesce(a.quantity_milli, a.pieces * 1000) AS milli
FROM allocation a JOIN delivery d ON d.id = a.delivery_id AND d.order_id = :order
JOIN order_line l ON l.id = a.line_id JOIN payer_share y ON y.id = a.payer_share_id
JOIN product p ON p.id = l.product_id JOIN sku s ON s.id = l.sku_id
WHERE a.delivery_id = ANY(:deliveries) ORDER BY a.delivery_id, l.position, y.position
""").bindparams(_DELIVERIES)
_FREIGHT = text("""
SELECT p.delivery_id, p.supplier_id, f.payer_share_id, f.fen FROM parcel p JOIN freight_share f ON f.parcel_id = p.id
WHERE p.delivery_id = ANY(:deliveries) AND f.fen > 0
""").bindparams(_DELIVERIES)


async def counted(
    session: WriteSession, order_id: UUID, delivered: Sequence[Delivered], by: Acceptors
) -> list[CountedDelivery]:
    """The counts by what they belong to. Raises NotFound, CountDiffers, PastBestBefore, with a detail a line."""
    ids = [one.delivery_id for one in delivered]
    rows: dict[UUID, list[Row[Any]]] = {}
    for row in await session.execute(_EXPECTED, {"order": order_id, "deliveries": ids}):
        rows.setdefault(row.delivery_id, []).append(row)
    if any(one not in rows for one in ids) or len(set(ids)) < len(ids):
        raise NotFound("订单里没有这批货。")
    return [_of(one, rows[one.delivery_id], by.accepted_on) for one in delivered]


async def from_here(session: WriteSession, accepted: Sequence[tuple[UUID, UUID]]) -> list[Owed]:
    """Freight is owed with the goods it brought, however few were accepted. accepted: (acceptance, delivery)."""
    by_delivery = {delivery_id: acceptance_id for acceptance_id, delivery_id in accepted}
    rows = await session.execute(_FREIGHT, {"deliveries": list(by_delivery)})
    return [Owed(by_delivery[row.delivery_id], row.payer_share_id, row.supplier_id, row.fen) for row in rows]


def _of(delivered: Delivered, rows: Sequence[Row[Any]], accepted_on: date) -> CountedDelivery:
    if delivered.lines is None:
        lines: Sequence[Counted] = [Counted(row.line_id, row.payer_share_id, row.milli) for row in rows]
    else:
        lines = delivered.lines
    counts = _matched(lines, rows)
    wrong = [detail for number, (row, count) in enumerate(counts) if (detail := _wrong(number, row, count))]
    if wrong:
        raise CountDiffers("请逐行核对：实收 + 短少 + 破损 + 拒收 = 应到。", wrong)
    late = [
        Detail(f"/lines/{number}/best_before", "past_best_before", f"{row.title} 保质期到 {count.best_before}，请拒收")
        for number, (row, count) in enumerate(counts)
        if count.best_before and count.best_before < accepted_on and count.accepted_milli
    ]
    if late:
        raise PastBestBefore("请把这几行改为拒收，并写明原因。", late)
    warnings = {
        (count.line_id, count.payer_share_id): words
        for row, count in counts
        if (words := shelf_life_warning(row.shelf_life_days, count.best_before, accepted_on))
    }
    groups = [((row.line_id, row.payer_share_id if row.owns_pieces else NOBODY), count) for row, count in counts]
    return CountedDelivery(delivered.delivery_id, delivered.delivery_note, groups, warnings)


def _matched(lines: Sequence[Counted], rows: Sequence[Row[Any]]) -> list[tuple[Row[Any], Counted]]:
    """Every expected row with its count, in the order of the counts. A count without a payer is of the only one."""
    expected = {(row.line_id, row.payer_share_id): row for row in rows}
    payers: dict[UUID, list[UUID]] = {}
    for line_id, payer_id in expected:
        payers.setdefault(line_id, []).append(payer_id)
    found: dict[tuple[UUID, UUID], tuple[Row[Any], Counted]] = {}
    wrong = []
    for number, count in enumerate(lines):
        only = payers.get(count.line_id, [])
        payer_id = count.payer_share_id or (only[0] if len(only) == 1 else NOBODY)
        row = expected.get((count.line_id, payer_id))
        if row is None or (count.line_id, payer_id) in found:
            wrong.append(Detail(f"/lines/{number}", "unknown_line", "这批货里没有这一行，或重复填写、没有写明归属"))
        else:
            found[count.line_id, payer_id] = (row, _named(count, payer_id))
    missing = [row for key, row in expected.items() if key not in found]
    wrong += [Detail("/lines", "line_missing", f"还没有清点：{row.title}") for row in missing[:20]]
    if wrong:
        raise CountDiffers("请把这批货的每一行都清点一遍。", wrong)
    return list(found.values())


def _named(count: Counted, payer_id: UUID) -> Counted:
    return Counted(
        count.line_id, payer_id, count.accepted_milli, count.short_milli, count.damaged_milli, count.refused_milli,
        count.reason, count.best_before, count.batch_number,
    )  # fmt: skip


def _wrong(number: int, row: Row[Any], count: Counted) -> Detail | None:
    parts = (count.accepted_milli, count.short_milli, count.damaged_milli, count.refused_milli)
    if min(parts) < 0 or count.counted_milli != row.milli:
        expected = f"{row.milli // PIECE}" if row.milli % PIECE == 0 else f"{row.milli / PIECE}"
        return Detail(f"/lines/{number}", "count_differs", f"{row.title} 应到 {expected} 件，填写合计不符")
    if not row.weighed and any(part % PIECE for part in parts):
        return Detail(f"/lines/{number}", "whole_pieces", f"{row.title} 按件验收，请填整件数")
    if (count.damaged_milli or count.refused_milli) and not (count.reason or "").strip():
        return Detail(f"/lines/{number}/reason", "reason_missing", f"{row.title} 有破损或拒收，请写明原因")
    if len(count.reason or "") > REASON_MOST:
        return Detail(f"/lines/{number}/reason", "too_long", f"原因最多 {REASON_MOST} 字")
    return None
