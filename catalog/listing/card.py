"""From facts to what a visitor reads: the card of a list, the detail of a page, and when they go stale. Pure.

Both are finished JSON except for what changes with every sale: pieces available stand as ``%1$s`` (the product),
``%2$s`` and so on (its SKUs), slots that PostgreSQL's ``format()`` fills in while it reads.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec

from catalog.campaign.entitled import ENTITLED
from catalog.listing.facts import CountyFacts, Dated, Facts, Rate, SkuFacts
from catalog.price.pricing import PriceStep, step_for
from catalog.product.models import BADGE_PAPERS
from shop.core import clock
from shop.ui.filters import grams, yuan

OLDEST = timedelta(days=1)
"""A row is made anew at least this often: what was sold meanwhile changes its place."""

_SLOT = re.compile("\x01([0-9]+)\x02")


@dataclass(frozen=True, slots=True)
class Made:
    """A listing without its search terms. stock: (slot, stock SKU, its pieces in one piece of the SKU in the slot)."""

    card: str
    detail: str
    designations: list[str]
    price_fen: int
    stock: list[tuple[int, UUID, int]]
    stale_at: datetime


@dataclass(frozen=True, slots=True)
class _Offer:
    """A SKU with a price today for anybody, and for members of a union where that is lower. `slot`: where its pieces
    available are filled in; None while it may not be sold.
    """

    sku: SkuFacts
    steps: list[PriceStep]
    price: PriceStep
    member_fen: int | None
    slot: int | None


def made_of(facts: Facts, *, now: datetime) -> Made | None:
    """None when it cannot stand in the window: no county code valid today, or nothing with a price."""
    today = clock.business_day(now)
    offers = list(_offers(facts, today, now))
    if facts.county is None or not offers:
        return None
    designations = sorted({one.kind for one in facts.designations if one.in_force(today)})
    lowest = min((offer.price for offer in offers), key=lambda price: price.fen)
    member_fen = min((offer.member_fen for offer in offers if offer.member_fen is not None), default=None)
    card: dict[str, Any] = {
        "id": facts.id,
        "title": facts.title,
        "county": _county(facts.county),
        "producer": {"id": facts.producer.id, "name": facts.producer.name},
        "category": facts.category,
        "price_fen": lowest.fen,
        "price_list": lowest.list,
        "member_price_fen": member_fen if member_fen is not None and member_fen < lowest.fen else None,
        "available": _slot(1),
        "image": f"/media/products/{facts.id}.svg",
        "skus": [_sku(offer) for offer in offers],
    }
    detail = card | _detail(facts, offers, today)
    return Made(
        card=_template(card),
        detail=_template(detail),
        designations=designations,
        price_fen=lowest.fen,
        stock=[
            (offer.slot, inside.sku_id, inside.pieces)
            for offer in offers
            if offer.slot is not None
            for inside in offer.sku.contents
        ],
        stale_at=_stale_at(facts, today, now),
    )


def _offers(facts: Facts, today: date, now: datetime) -> Iterator[_Offer]:
    slot = 1
    for sku in facts.skus:
        steps = _steps(sku, facts, today, now)
        price = step_for(steps, 1, ENTITLED["anybody"])
        if price is None:
            continue
        member = step_for(steps, 1, ENTITLED["member"]) or price
        sold = bool(sku.contents) and not _papers_expired(sku, today)
        slot += sold
        yield _Offer(sku, steps, price, member.fen if member.fen < price.fen else None, slot if sold else None)


def _steps(sku: SkuFacts, facts: Facts, today: date, now: datetime) -> list[PriceStep]:
    """The prices of today on every list: a campaign's while one runs with these goods."""
    running = any(campaign.in_force(today) for campaign in facts.campaigns)
    return [
        PriceStep(step.id, step.min_quantity, step.fen, step.list)
        for step in sku.prices
        if step.in_force(now) and (step.list != "campaign" or running)
    ]


def _papers_expired(sku: SkuFacts, today: date) -> bool:
    """Food whose paper of some kind has run out may not be sold (DOMAIN rule 21)."""
    had = {(paper.product_id, paper.kind) for paper in sku.papers}
    return had != {(paper.product_id, paper.kind) for paper in sku.papers if paper.in_force(today)}


def _sku(offer: _Offer) -> dict[str, Any]:
    return {
        "id": offer.sku.id,
        "spec": offer.sku.spec,
        "price_fen": offer.price.fen,
        "price_list": offer.price.list,
        "member_price_fen": offer.member_fen,
        "available": _slot(offer.slot) if offer.slot else 0,
        "net_grams": offer.sku.net_grams,
    }


def _detail(facts: Facts, offers: list[_Offer], today: date) -> dict[str, Any]:
    """What the page shows beyond the card."""
    documents = [_days(paper) | {"in_force": paper.in_force(today)} for paper in facts.documents]
    rates = [rate for rate in facts.rates if rate.in_force(today)]
    return {
        "in_season": not facts.ship_months or today.month in facts.ship_months,
        "made_county": _county(facts.made_county) if facts.made_county else None,
        "producer": facts.producer,
        "supplier": facts.supplier,
        **{
            name: getattr(facts, name)
            for name in (
                "storage", "shelf_life_days", "perishable", "harvest_months", "ship_months", "certification", "note",
                "source", "confirmed", "zones",
            )
        },
        "papers_expired": all(offer.slot is None for offer in offers),
        "documents": documents,
        "badges": sorted({paper["kind"] for paper in documents if paper["in_force"] and paper["kind"] in BADGE_PAPERS}),
        "recognition": next((_days(one) for one in facts.recognitions if one.in_force(today)), None),
        "designations": [_days(one) for one in facts.designations if one.in_force(today)],
        "benefit_statement": facts.statement,
        "campaigns": [_days(one) for one in facts.campaigns if one.in_force(today)],
        "discounts": [_days(one) for one in facts.discounts if one.in_force(today)],
        "freight": [_days(rate) for rate in rates],
        "freight_note": freight_note(rates),
        "skus": [
            _sku(offer)
            | {
                "prices": [
                    {"list": step.list, "min_quantity": step.min_quantity, "fen": step.fen} for step in offer.steps
                ],
                "contents": [
                    {
                        "product_id": inside.product_id,
                        "title": inside.title,
                        "spec": inside.spec,
                        "pieces": inside.pieces,
                        "net_grams": inside.net_grams,
                        "county": _county(inside.county) if inside.county else None,
                        "producer": {"id": inside.producer_id, "name": inside.producer_name},
                    }
                    for inside in offer.sku.contents
                    if inside.sku_id != offer.sku.id
                ],
            }
            for offer in offers
        ],
    }  # fmt: skip


def freight_note(rates: Iterable[Rate]) -> str:
    """What sending costs, in a sentence; the exact sum stands in the cart."""
    found = sorted(rates, key=lambda rate: (len(rate.region), rate.region))
    elsewhere = next((rate for rate in found if not rate.region and rate.served), None)
    unserved = [rate.place or rate.region for rate in found if not rate.served and rate.region]
    dearer = [rate.place or rate.region for rate in found if rate.served and rate.region]
    said = [_tariff(elsewhere)] if elsewhere else ["运费按收货地区计算"]
    if dearer:
        said.append(f"{'、'.join(dearer)}另计")
    if unserved:
        said.append(f"暂时送不到：{'、'.join(unserved)}")
    return "；".join(said) + "。" if found else "运费在购物车里按收货地址计算。"


def _tariff(rate: Rate) -> str:
    if not rate.first_fen and not rate.step_fen:
        return "包邮"
    said = (
        f"首重 {grams(rate.first_grams)} {yuan(rate.first_fen)}，续重每 {grams(rate.step_grams)} {yuan(rate.step_fen)}"
    )
    return said if rate.free_from_fen is None else f"{said}，满 {yuan(rate.free_from_fen)} 包邮"


def _county(county: CountyFacts) -> dict[str, str]:
    return {"code": county.code, "name": county.name, "province": county.province}


def _days(dated: Dated) -> dict[str, Any]:
    return msgspec.structs.asdict(dated)


def _stale_at(facts: Facts, today: date, now: datetime) -> datetime:
    days: list[date] = list(facts.county_days)
    dated: tuple[Iterable[Dated], ...] = (
        facts.documents, facts.recognitions, facts.designations, facts.rates, facts.discounts,
        facts.campaigns,
        *(sku.papers for sku in facts.skus),
    )  # fmt: skip
    for rows in dated:
        days += [day for row in rows for day in (row.valid_from, row.valid_to) if day is not None]
    if facts.ship_months:
        days.append((today.replace(day=1) + timedelta(days=32)).replace(day=1))
    moments = [datetime.combine(day, time(), clock.SHANGHAI) for day in days if day > today]
    for sku in facts.skus:
        for step in sku.prices:
            moments += [moment for moment in (step.valid_from, step.valid_to) if moment is not None and moment > now]
    return min([*moments, now + OLDEST])


def _slot(number: int) -> msgspec.Raw:
    """A place to be filled while reading. Control characters cannot stand in JSON, so no text can look like one."""
    return msgspec.Raw(f"\x01{number}\x02".encode())


def _template(document: dict[str, Any]) -> str:
    return _SLOT.sub(r"%\1$s", msgspec.json.encode(document).decode().replace("%", "%%"))
