"""What a correction's facts were on the day of the placement: names, designations, path, and whether it counts."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.county.on_day import origin_on
from catalog.product.on_day import recognised_on
from orders.credit.rules import Deal, Origin, Rule, not_counted_reason
from shop.core.database import ReadSession
from shop.core.errors import Detail, Problem
from shop.core.window import in_force
from shop.organisation.queries import unit_path


class FactUnknown(Problem):
    """A county, producer, unit or recognition that is not known; `errors[]` says which."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "fact_unknown"
    title: ClassVar[str] = "更正内容里有查不到的信息"


_COUNTY = text(f"SELECT k.* FROM ({origin_on('CAST(:county AS text)', ':day')}) k")  # noqa: S608  # expressions of our own
_PRODUCER = text("SELECT name FROM producer WHERE id = :id")
_UNIT = text("SELECT name FROM unit WHERE id = :id")
_RECOGNITION = text(f"""
SELECT (SELECT number FROM recognition WHERE number = :number AND product_id = :product) AS known,
    (SELECT n.number FROM recognition n WHERE n.number = :number AND n.product_id = :product
        AND {in_force("n", ":day")}) AS valid,
    r.recognised_once AS once, r.recognised_later AS later
FROM ({recognised_on(":product", ":day")}) r
""")  # noqa: S608  # as above
_RULE = text("SELECT * FROM counting_rule WHERE id = :id")


async def resolved(session: ReadSession, before: Mapping[str, Any], requested: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an attribution that change when `requested` holds. Raises FactUnknown."""
    day: date = before["placed_on"]
    facts: dict[str, Any] = {}
    if code := requested.get("county_code"):
        facts |= await _county(session, code, day)
    if producer := requested.get("producer_id"):
        facts |= {"producer_id": producer, "producer_name": await _named(session, "producer_id", producer)}
    if unit := requested.get("unit_id"):
        name = await _named(session, "unit_id", unit)
        facts |= {"unit_id": unit, "unit_name": name, "unit_path": await unit_path(session, UUID(str(unit)), day)}
    if kind := requested.get("credit_kind"):
        facts["credit_kind"] = kind
    if number := requested.get("recognition_number"):
        facts["recognition_number"] = await _recognised(session, number, before["product_id"], day)
    if requested.get("counted") is not None:
        reason = requested.get("not_counted_reason")
    else:
        reason = await _judged(session, dict(before) | facts)
    changed = facts | {"counted": reason is None, "not_counted_reason": reason}
    as_text = {name: str(value) for name, value in before.items()}
    return {name: value for name, value in changed.items() if str(value) != as_text[name]}


async def _county(session: ReadSession, code: str, day: date) -> dict[str, Any]:
    found = (await session.execute(_COUNTY, {"county": code, "day": day})).one_or_none()
    if found is None:
        raise _unknown("county_code", "没有这个区划代码")
    return {
        "county_code": found.code,
        "county_name": found.name,
        "province": found.province,
        "designations": list(found.designations),
        "pairing_unit_ids": list(found.pairing_unit_ids),
    }


async def _named(session: ReadSession, fact: str, of: object) -> str:
    name: str | None = await session.scalar(_PRODUCER if fact == "producer_id" else _UNIT, {"id": of})
    if name is None:
        raise _unknown(fact, "没有这个生产者" if fact == "producer_id" else "没有这个单位")
    return name


async def _recognised(session: ReadSession, number: str, product_id: UUID, day: date) -> str | None:
    """The number where it was valid on the day. It must be a recognition of this very product."""
    found = (await session.execute(_RECOGNITION, {"number": number, "product": product_id, "day": day})).one()
    if found.known is None:
        raise _unknown("recognition_number", "这个产品没有这个认定编号，请先录入认定")
    valid: str | None = found.valid
    return valid


async def _judged(session: ReadSession, facts: Mapping[str, Any]) -> str | None:
    """By the rule that was frozen with the placement (a new rule changes no line of the past)."""
    row = (await session.execute(_RULE, {"id": facts["rule_id"]})).mappings().one_or_none()
    day, product = facts["placed_on"], facts["product_id"]
    papers = (await session.execute(_RECOGNITION, {"number": None, "product": product, "day": day})).one()
    made = row is not None and row["origin_basis"] == "made"
    code = facts["made_county_code"] if made else facts["county_code"]
    county = (await session.execute(_COUNTY, {"county": code, "day": day})).one_or_none() if code else None
    designations = county.designations if made and county else facts["designations"]
    pairings = county.pairing_unit_ids if made and county else facts["pairing_unit_ids"]
    return not_counted_reason(
        msgspec.convert(dict(row), Rule) if row is not None else None,
        Origin(
            designations=designations,
            paired=not set(pairings).isdisjoint(facts["unit_path"]),
            recognition_number=facts["recognition_number"],
            recognised_once=papers.once,
            known=code is not None,
            designated_once=bool(county and county.designated_once),
            recognised_later=papers.later,
        ),
        credited=facts["unit_id"] is not None,
        deal=Deal(
            facts["credit_kind"], facts["fund_source"], facts["category"], facts["not_counted_reason"] == "donated"
        ),
    )


def _unknown(fact: str, said: str) -> FactUnknown:
    return FactUnknown("请核对更正内容。", [Detail(f"/facts/{fact}", FactUnknown.code, said)])
