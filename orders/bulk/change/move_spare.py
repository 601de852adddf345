"""A spare moves from one owner to another: a transfer between them. Line, order and credit sums stay what they were."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from orders.acceptance.open_parts import what_is_open, what_was_accepted
from orders.acceptance.owe import Owed, lower_due, owe
from orders.acceptance.reduce import Taken, Why, reduce
from orders.bulk.change.change_order import TAKES_EFFECT, ApprovedChange
from orders.credit.record import Recognised, record
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.organisation.path import path_on


class NoSuchSpare(Problem):
    """The giving owner has not so many pieces of the line, all accepted or all still to come."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "no_such_spare"
    title: ClassVar[str] = "没有这么多可以转出的件"


_OWNERS = text("""
SELECT o.id AS order_id, f.owns_pieces AND t.owns_pieces AS own, t.id AS to_id
FROM bulk_purchase b JOIN shop_order o ON o.id = b.order_id
JOIN order_line l ON l.id = :line AND l.order_id = o.id
JOIN payer_share f ON f.id = :from_share AND f.order_id = o.id
JOIN payer_share t ON t.id = :to_share AND t.order_id = o.id AND t.id <> f.id
WHERE b.id = :purchase FOR NO KEY UPDATE OF o
""")
# The new owner's facts are those of the placement day: his unit with all above it then, and whether it counts for him.
_NEW_PARTS = text(f"""
WITH said AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(index int, id uuid, old_id uuid, fen bigint,
        grams bigint, milli bigint)
), taker AS (
    SELECT y.id, y.payer_kind, y.payer_id, y.fund_source, u.id AS unit_id, u.name AS unit_name
    FROM payer_share y JOIN unit u ON u.id = y.unit_id WHERE y.id = :to_share
), above AS (
    SELECT ARRAY(SELECT p.unit_id FROM ({path_on("t.unit_id", ":placed_on")}) p ORDER BY p.depth) AS ids FROM taker t
), judged AS (
    SELECT s.*, a.id AS attribution_id, v.ids, CASE
        WHEN a.not_counted_reason = 'no_designation' AND a.pairing_unit_ids && v.ids THEN NULL
        WHEN a.counted AND r.needs_designation AND NOT a.pairing_unit_ids && v.ids
            AND NOT a.designations && r.designation_kinds THEN 'no_designation'
        ELSE a.not_counted_reason END AS reason
    FROM said s JOIN attribution a ON a.id = s.old_id CROSS JOIN above v LEFT JOIN counting_rule r ON r.id = a.rule_id
), shared AS (
    INSERT INTO line_share (id, line_id, position, payer_kind, payer_id, fund_source)
    SELECT :line_share, :line, 1 + (SELECT max(position) FROM line_share WHERE line_id = :line), 'branch', id,
        fund_source FROM taker
), frozen AS (
    INSERT INTO attribution (id, order_line_id, order_id, person_id, credit_kind, buyer_kind, unit_id, unit_name,
        unit_path, union_id, fund_source, channel, campaign_id, county_code, county_name, province, made_county_code,
        designations, pairing_unit_ids, producer_id, producer_name, supplier_id, supplier_name, product_id, category,
        recognition_number, rule_id, counted, not_counted_reason, placed_on)
    SELECT j.id, a.order_line_id, a.order_id, NULL, a.credit_kind, t.payer_kind, t.unit_id, t.unit_name, j.ids,
        CASE WHEN t.payer_kind = 'union' THEN t.payer_id ELSE a.union_id END, t.fund_source, a.channel, a.campaign_id,
        a.county_code, a.county_name, a.province, a.made_county_code, a.designations, a.pairing_unit_ids,
        a.producer_id, a.producer_name, a.supplier_id, a.supplier_name, a.product_id, a.category,
        a.recognition_number, a.rule_id, j.reason IS NULL, j.reason, a.placed_on
    FROM judged j JOIN attribution a ON a.id = j.attribution_id CROSS JOIN taker t
)
INSERT INTO share_component (id, share_id, line_id, order_id, position, stock_sku_id, quantity_milli, grams, net_fen,
    vat_basis_points, refunded_fen, refunded_grams, refunded_milli)
SELECT s.id, :line_share, c.line_id, c.order_id, c.position, c.stock_sku_id, s.milli, s.grams, s.fen,
    c.vat_basis_points, 0, 0, 0
FROM said s JOIN share_component c ON c.id = s.old_id
""")  # noqa: S608  # an expression of our own
_PLACED_ON = text("SELECT placed_on FROM attribution WHERE id = :component")
_ACCEPTANCE = text("""
SELECT x.id FROM acceptance x JOIN acceptance_line l ON l.acceptance_id = x.id
WHERE l.line_id = :line AND l.payer_share_id = :from_share AND l.accepted_milli > 0
ORDER BY x.accepted_on DESC, x.id LIMIT 1
""")
_ACCEPTED = text("""
INSERT INTO acceptance_part (acceptance_id, component_id, accepted_fen, accepted_grams, accepted_milli, gone_fen,
    gone_grams, gone_milli)
SELECT :acceptance, id, fen, grams, milli, 0, 0, 0
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, fen bigint, grams bigint, milli bigint)
""")
# Deliveries in their order give up pieces until there are enough.
_MOVE_OPEN = text("""
WITH coming AS (
    SELECT a.delivery_id, a.pieces, sum(a.pieces) OVER (ORDER BY d.position, d.id) - a.pieces AS before
    FROM allocation a JOIN delivery d ON d.id = a.delivery_id
    WHERE a.line_id = :line AND a.payer_share_id = :from_share
        AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id)
), moved AS (
    SELECT delivery_id, pieces, least(pieces, :pieces - before)::bigint AS taken FROM coming WHERE before < :pieces
), emptied AS (
    DELETE FROM allocation a USING moved m WHERE a.delivery_id = m.delivery_id AND a.line_id = :line
        AND a.payer_share_id = :from_share AND m.taken = m.pieces
), lowered AS (
    UPDATE allocation a SET pieces = a.pieces - m.taken FROM moved m WHERE a.delivery_id = m.delivery_id
        AND a.line_id = :line AND a.payer_share_id = :from_share AND m.taken < m.pieces
)
INSERT INTO allocation (delivery_id, line_id, payer_share_id, pieces)
SELECT delivery_id, :line, :to_share, taken FROM moved
ON CONFLICT (delivery_id, line_id, payer_share_id) DO UPDATE SET pieces = allocation.pieces + excluded.pieces
""")


async def move_spare(session: WriteSession, actor: Actor, change: ApprovedChange, now: datetime) -> UUID | None:
    """Terms: line_id, from_share_id, to_share_id, pieces. Credit is reversed and posted again for the new owner.

    Raises NoSuchSpare. Freight stays with who had it.
    """
    terms = change.terms
    named = {
        "purchase": change.purchase_id,
        "line": UUID(str(terms["line_id"])),
        "from_share": UUID(str(terms["from_share_id"])),
        "to_share": UUID(str(terms["to_share_id"])),
    }
    owners = (await session.execute(_OWNERS, named)).one_or_none()
    if owners is None or not owners.own:
        raise NoSuchSpare("只有同一订单内、按件归属的份额之间可以转。")
    milli, group = int(terms["pieces"]) * 1_000, (named["line"], named["from_share"])
    accepted = (await what_was_accepted(session, [named["line"]])).get(group)
    opened = (await what_is_open(session, [named["line"]])).get(group)
    of_accepted = accepted is not None and accepted.milli >= milli
    source = accepted if of_accepted else opened
    if source is None or source.milli < milli:
        raise NoSuchSpare("转出方没有这么多件；已验收与未验收的请分开转。")
    by_id = {part.component_id: part for part in source.parts}
    taken = [Taken(by_id[part.component_id], part, of_accepted) for part in source.take(milli)]
    why = Why("spare_moved", change.reason, f"bulk-change:{change.id}", {group: milli}, of_accepted, named["to_share"])
    day = clock.business_day(now)
    await reduce(session, actor=actor, order_id=owners.order_id, taken=taken, why=why, occurred_on=day, now=now)
    await _take_over(session, named, owners, taken, day, now)
    if not of_accepted:
        await session.execute(_MOVE_OPEN, named | {"pieces": int(terms["pieces"])})
    return None


async def _take_over(
    session: WriteSession, named: dict[str, Any], owners: Row[Any], taken: Sequence[Taken], day: date, now: datetime
) -> None:
    """The new owner's components, dues and credit: exactly what left the old one."""
    parts: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "old_id": one.part.component_id,
            "fen": one.part.fen,
            "grams": one.part.grams,
            "milli": one.part.quantity_milli,
        }
        for one in taken
    ]
    placed_on = await session.scalar(_PLACED_ON, {"component": taken[0].part.component_id})
    rows = named | {"rows": as_rows(parts), "line_share": new_id(), "placed_on": placed_on}
    await session.execute(_NEW_PARTS, rows)
    shares = await lower_due(session, owners.order_id, {owners.to_id: -sum(one.part.fen for one in taken)})
    if not taken[0].of_accepted:
        return
    acceptance_id = await session.scalar(_ACCEPTANCE, named)
    await session.execute(_ACCEPTED, {"acceptance": acceptance_id, "rows": as_rows(parts)})
    cause = new_id()
    owed = [Owed(cause, owners.to_id, one.left.supplier_id, one.part.fen) for one in taken]
    await owe(session, owed, occurred_on=day, now=now, reference=owners.order_id)
    paid = next(share.paid_and_proven for share in shares if share.id == owners.to_id)
    reposted = [
        Recognised(
            kind="repost",
            cause_id=acceptance_id,
            component_id=part["id"],
            amount_fen=one.part.fen,
            grams=one.part.grams,
            quantity_milli=one.part.quantity_milli,
            occurred_on=day,
            sale_on=day,
            grade="A" if paid else "B",
        )
        for part, one in zip(parts, taken, strict=True)
    ]
    await record(session, reposted, now=now)


TAKES_EFFECT["spare_moved"] = move_spare
