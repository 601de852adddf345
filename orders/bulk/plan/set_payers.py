"""Who pays which part: by what its members get, by heads, or by fixed shares."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.bulk.plan.schemas import PayerIn, SiteIn
from orders.bulk.problems import PlanInvalid
from shop.access.contact import checked_phone
from shop.core.database import WriteSession
from shop.core.errors import Detail
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.core.window import in_force

_BRANCHES = text("""
SELECT b.unit_id, u.code FROM (
    SELECT DISTINCT unit_id FROM bulk_member WHERE purchase_id = :purchase) b
JOIN unit u ON u.id = b.unit_id ORDER BY u.code
""")
_BEHIND = text(f"""
WITH RECURSIVE beneath (unit_id) AS (
    SELECT CAST(:unit AS uuid)
    UNION
    SELECT p.unit_id FROM beneath JOIN unit_parent p ON p.parent_id = beneath.unit_id
    WHERE {in_force("p", ":day")}
)
SELECT r.index, u.name AS unit_name, u.id IN (SELECT unit_id FROM beneath) AS beneath, s.id AS union_id,
    s.name AS union_name
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(index int, unit_id uuid, payer_kind text, payer_id uuid)
LEFT JOIN unit u ON u.id = r.unit_id
LEFT JOIN LATERAL (
    SELECT l.id, l.name FROM union_unit x JOIN labour_union l ON l.id = x.union_id
    WHERE x.unit_id = r.unit_id AND {in_force("x", ":day")}
        AND (r.payer_id IS NULL OR r.payer_id = l.id)
    ORDER BY l.id = :union DESC, l.code LIMIT 1) s ON r.payer_kind IS DISTINCT FROM 'unit'
ORDER BY r.index
""")  # noqa: S608  # our own words
_CLEAR = text("DELETE FROM bulk_payer WHERE purchase_id = :purchase")
_LAY = text("""
INSERT INTO bulk_payer (id, purchase_id, position, payer_kind, payer_id, payer_name, unit_id, invoice_title, tax_number,
    weight, owns_spares)
SELECT id, :purchase, index, payer_kind, payer_id, payer_name, unit_id, invoice_title, tax_number, weight, owns_spares
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, index int, payer_kind text, payer_id uuid, payer_name text,
    unit_id uuid, invoice_title text, tax_number text, weight bigint, owns_spares bool)
""")
_WEIGH = text("""
UPDATE bulk_payer y SET weight = (
        SELECT count(*) FROM bulk_member m WHERE m.purchase_id = y.purchase_id AND m.unit_id = y.unit_id)
    + CASE WHEN p.shared_by = 'packages' AND y.owns_spares THEN p.spare_pieces ELSE 0 END
FROM bulk_purchase p WHERE p.id = :purchase AND y.purchase_id = p.id AND p.shared_by <> 'fixed'
""")
_UNPAID = text("""
SELECT u.name, count(*) AS members FROM bulk_member m JOIN unit u ON u.id = m.unit_id
WHERE m.purchase_id = :purchase
    AND NOT EXISTS (SELECT FROM bulk_payer y WHERE y.purchase_id = :purchase AND y.unit_id = m.unit_id)
GROUP BY u.name ORDER BY u.name
""")
_SITES_CLEAR = text("DELETE FROM bulk_site WHERE purchase_id = :purchase")
_SITES = text("""
INSERT INTO bulk_site (id, purchase_id, unit_id, name, contact_name, contact_phone, region_code, street)
SELECT id, :purchase, unit_id, name, contact_name, contact_phone, region_code, street
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, unit_id uuid, name text, contact_name text,
    contact_phone text, region_code text, street text)
""")


async def set_payers(session: WriteSession, *, purchase: Row[Any], payers: Sequence[PayerIn], day: date) -> None:
    """Write the payers whole; with none given, one for each branch that has members, and the buyer's for spares.

    A payer's union must serve its unit, and the unit stands under the purchase's. Raises PlanInvalid.
    """
    requested = list(payers) or await _branches(session, purchase)
    if purchase.spare_pieces and not any(payer.owns_spares for payer in requested):
        requested = _with_an_owner_of_spares(requested, purchase.unit_id)
    if sum(payer.owns_spares for payer in requested) > 1:
        raise PlanInvalid("备用件只能归一个付款方。", [Detail("/payers", "two_owners", "备用件只能归一个付款方")])
    asked = as_rows(payer.model_dump(mode="json", include={"unit_id", "payer_kind", "payer_id"}) for payer in requested)
    named = {"purchase": purchase.id, "unit": purchase.unit_id, "union": purchase.union_id, "day": day}
    behind = (await session.execute(_BEHIND, named | {"rows": asked})).all()
    rows = [_row(i, payer, found) for i, (payer, found) in enumerate(zip(requested, behind, strict=True))]
    if len({row["unit_id"] for row in rows}) < len(rows):
        raise PlanInvalid("同一单位只能有一个付款方。", [Detail("/payers", "twice", "同一单位只能有一个付款方")])
    await session.execute(_CLEAR, named)
    await session.execute(_LAY, named | {"rows": as_rows(rows)})
    await weigh(session, purchase_id=purchase.id)
    if purchase.shared_by == "fixed":
        if not any(payer.weight for payer in requested):
            raise PlanInvalid("按固定份额分摊时，请填写各付款方的份额。", [Detail("/payers", "no_weight", "缺少份额")])
    elif unpaid := (await session.execute(_UNPAID, named)).all():
        said = "、".join(f"{row.name}（{row.members} 人）" for row in unpaid[:10])
        raise PlanInvalid(f"这些单位有会员却没有付款方：{said}。", [Detail("/payers", "unpaid", "有会员没有付款方")])


async def weigh(session: WriteSession, *, purchase_id: UUID) -> None:
    """Take each branch's pieces (with the spares, where pieces share) or heads again; fixed shares stay."""
    await session.execute(_WEIGH, {"purchase": purchase_id})


async def set_sites(session: WriteSession, *, purchase: Row[Any], sites: Sequence[SiteIn], day: date) -> None:
    """Write the delivery sites whole, each of the purchase's unit or of one under it.

    Raises PlanInvalid (a name that stands twice, another's unit), BadContact for a phone.
    """
    if len({site.name for site in sites}) < len(sites):
        raise PlanInvalid("收货点名称不能重复。", [Detail("/sites", "twice", "收货点名称不能重复")])
    asked = as_rows({"unit_id": str(site.unit_id), "payer_kind": None, "payer_id": None} for site in sites)
    named = {"unit": purchase.unit_id, "union": purchase.union_id, "day": day, "rows": asked}
    behind = (await session.execute(_BEHIND, named)).all()
    if strange := [i for i, found in enumerate(behind) if not found.beneath]:
        raise PlanInvalid(
            "收货点要属于采购单位或其下级。",
            [Detail(f"/sites/{i}/unit_id", "not_beneath", "不是采购单位或其下级") for i in strange],
        )
    rows = [
        site.model_dump(mode="json")
        | {
            "id": str(new_id()),
            "contact_phone": checked_phone(site.contact_phone, f"sites/{i}/contact_phone")
            if site.contact_phone
            else None,
        }
        for i, site in enumerate(sites)
    ]
    await session.execute(_SITES_CLEAR, {"purchase": purchase.id})
    await session.execute(_SITES, {"purchase": purchase.id, "rows": as_rows(rows)})


async def _branches(session: WriteSession, purchase: Row[Any]) -> list[PayerIn]:
    found = await session.execute(_BRANCHES, {"purchase": purchase.id})
    return [PayerIn(unit_id=row.unit_id) for row in found]


def _with_an_owner_of_spares(payers: Sequence[PayerIn], buyer_unit_id: UUID) -> list[PayerIn]:
    """The buyer's own unit, which may become a payer for nothing but the spares."""
    if all(payer.unit_id != buyer_unit_id for payer in payers):
        return [*payers, PayerIn(unit_id=buyer_unit_id, owns_spares=True)]
    return [
        payer.model_copy(update={"owns_spares": True}) if payer.unit_id == buyer_unit_id else payer for payer in payers
    ]


def _row(i: int, payer: PayerIn, found: Row[Any]) -> dict[str, Any]:
    where = f"/payers/{i}/unit_id"
    if not found.beneath:
        raise PlanInvalid("付款方要在采购单位之下。", [Detail(where, "not_beneath", "不是采购单位或其下级")])
    if payer.payer_kind == "union" and found.union_id is None:
        raise PlanInvalid("这个工会当日不服务这个单位。", [Detail(where, "no_union", "没有工会服务这个单位")])
    if found.union_id is not None:
        kind, payer_id, name = "union", found.union_id, found.union_name
    elif payer.payer_kind == "unit" and payer.payer_id not in {None, payer.unit_id}:
        raise PlanInvalid("单位付款时，付款方就是这个单位。", [Detail(where, "another_unit", "付款单位不一致")])
    else:
        kind, payer_id, name = "unit", payer.unit_id, found.unit_name
    return {
        "id": str(new_id()),
        "payer_kind": kind,
        "payer_id": str(payer_id),
        "payer_name": name,
        "unit_id": str(payer.unit_id),
        "invoice_title": payer.invoice_title or name,
        "tax_number": payer.tax_number,
        "weight": payer.weight,
        "owns_spares": payer.owns_spares,
    }
