"""A spare moves from one owner to another: a transfer between them. Line, order and credit sums stay what they were."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.acceptance.open_parts import what_is_open, what_was_accepted
from orders.acceptance.owe import Owed, owe
from orders.acceptance.reduce import Taken, Why, reduce
from orders.acceptance.write import accepted_by_another
from orders.bulk.change.change_order import ApprovedChange
from orders.credit.attribution import AttributionRow
from orders.credit.record import Recognised, record
from orders.order.allocate import pass_pieces
from orders.order.rows import ComponentRow, LineShareRow
from orders.order.shares import lower_due
from orders.order.write import add_share
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id
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
_TAKER = text(f"""
SELECT y.payer_kind, y.payer_id, y.fund_source, u.id AS unit_id, u.name AS unit_name,
    ARRAY(SELECT p.unit_id FROM ({path_on("u.id", ":placed_on")}) p ORDER BY p.depth) AS unit_path
FROM payer_share y JOIN unit u ON u.id = y.unit_id WHERE y.id = :to_share
""")  # noqa: S608  # an expression of our own
_FACTS = text(f"""
SELECT {", ".join(f"a.{name}" for name in AttributionRow.__struct_fields__)}, c.position, c.stock_sku_id,
    c.vat_basis_points, r.needs_designation, r.designation_kinds
FROM share_component c JOIN attribution a ON a.id = c.id LEFT JOIN counting_rule r ON r.id = a.rule_id
WHERE c.id = ANY(:components)
""").bindparams(bindparam("components", type_=ARRAY(Uuid)))  # noqa: S608  # our own words
_POSITION = text("SELECT 1 + max(position) FROM line_share WHERE line_id = :line")
_PLACED_ON = text("SELECT placed_on FROM attribution WHERE id = :component")
_ACCEPTANCE = text("""
SELECT x.id FROM acceptance x JOIN acceptance_line l ON l.acceptance_id = x.id
WHERE l.line_id = :line AND l.payer_share_id = :from_share AND l.accepted_milli > 0
ORDER BY x.accepted_on DESC, x.id LIMIT 1
""")
# Deliveries in their order give up pieces until there are enough.
_COMING = text("""
SELECT a.delivery_id, a.pieces FROM allocation a JOIN delivery d ON d.id = a.delivery_id
WHERE a.line_id = :line AND a.payer_share_id = :from_share
    AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id)
ORDER BY d.position, d.id
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
        await _pass_coming(session, named, int(terms["pieces"]))
    return None


async def _pass_coming(session: WriteSession, named: dict[str, Any], pieces: int) -> None:
    """Pieces that are still to come go to the same places, as another's."""
    passed: dict[UUID, int] = {}
    for row in await session.execute(_COMING, named):
        if (taken := min(row.pieces, pieces - sum(passed.values()))) > 0:
            passed[row.delivery_id] = taken
    await pass_pieces(
        session,
        line_id=named["line"],
        from_share=named["from_share"],
        to_share=named["to_share"],
        pieces=passed,
    )


async def _take_over(
    session: WriteSession, named: dict[str, Any], owners: Row[Any], taken: Sequence[Taken], day: date, now: datetime
) -> None:
    """The new owner's components, dues and credit: exactly what left the old one."""
    components = await _new_parts(session, named, taken)
    shares = await lower_due(session, owners.order_id, {owners.to_id: -sum(one.part.fen for one in taken)})
    if not taken[0].of_accepted:
        return
    acceptance_id = await session.scalar(_ACCEPTANCE, named)
    await accepted_by_another(session, acceptance_id, components)
    cause = new_id()
    owed = [Owed(cause, owners.to_id, one.left.supplier_id, one.part.fen) for one in taken]
    await owe(session, owed, occurred_on=day, now=now, reference=owners.order_id)
    paid = next(share.paid_and_proven for share in shares if share.id == owners.to_id)
    reposted = [
        Recognised(
            kind="repost",
            cause_id=acceptance_id,
            component_id=component.id,
            amount_fen=one.part.fen,
            grams=one.part.grams,
            quantity_milli=one.part.quantity_milli,
            occurred_on=day,
            sale_on=day,
            grade="A" if paid else "B",
        )
        for component, one in zip(components, taken, strict=True)
    ]
    await record(session, reposted, now=now)


async def _new_parts(session: WriteSession, named: dict[str, Any], taken: Sequence[Taken]) -> list[ComponentRow]:
    """A further payer of the line: his components, each with its origin as it was frozen and himself as the buyer."""
    old_ids = [one.part.component_id for one in taken]
    placed_on = await session.scalar(_PLACED_ON, {"component": old_ids[0]})
    taker = (await session.execute(_TAKER, named | {"placed_on": placed_on})).one()
    facts = {row.id: row for row in await session.execute(_FACTS, {"components": old_ids})}
    share = LineShareRow(
        id=new_id(),
        line_id=named["line"],
        position=(await session.execute(_POSITION, named)).scalar_one(),
        payer_kind="branch",
        payer_id=named["to_share"],
        fund_source=taker.fund_source,
    )
    attributions, components = [], []
    for one in taken:
        old, component_id = facts[one.part.component_id], new_id()
        reason = _why_not_for(taker, old)
        frozen = {name: getattr(old, name) for name in AttributionRow.__struct_fields__}
        buyer = {
            "id": component_id,
            "person_id": None,
            "buyer_kind": taker.payer_kind,
            "unit_id": taker.unit_id,
            "unit_name": taker.unit_name,
            "unit_path": taker.unit_path,
            "union_id": taker.payer_id if taker.payer_kind == "union" else old.union_id,
            "fund_source": taker.fund_source,
            "counted": reason is None,
            "not_counted_reason": reason,
        }
        attributions.append(AttributionRow(**(frozen | buyer)))
        components.append(
            ComponentRow(
                id=component_id,
                share_id=share.id,
                line_id=named["line"],
                order_id=old.order_id,
                position=old.position,
                stock_sku_id=old.stock_sku_id,
                quantity_milli=one.part.quantity_milli,
                grams=one.part.grams,
                net_fen=one.part.fen,
                vat_basis_points=old.vat_basis_points,
            )
        )
    await add_share(session, share, attributions, components)
    return components


def _why_not_for(taker: Row[Any], old: Row[Any]) -> str | None:
    """Only the pairing depends on who buys: by it goods count for one unit that do not for another."""
    paired = not set(old.pairing_unit_ids).isdisjoint(taker.unit_path)
    if old.not_counted_reason == "no_designation" and paired:
        return None
    designated = paired or not set(old.designations).isdisjoint(old.designation_kinds or ())
    if old.counted and old.needs_designation and not designated:
        return "no_designation"
    reason: str | None = old.not_counted_reason
    return reason
