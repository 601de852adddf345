"""Who is asked which price: the lowest of the lists that the buyer is entitled to (DOMAIN rule 36)."""

from collections.abc import Mapping
from typing import Final, Literal

from shop.core.window import in_force

BuyerKind = Literal["anybody", "member", "union", "canteen"]
"""anybody: also an employee whom no union lists; member: of a union today; union: its bulk purchase."""
ENTITLED: Final[Mapping[BuyerKind, tuple[str, ...]]] = {
    "anybody": ("retail", "campaign"),
    "member": ("retail", "campaign", "member"),
    "union": ("retail", "campaign", "union"),
    "canteen": ("retail", "campaign"),
}
"""Where two lists ask the same, the first of these is named."""


def asked_of(buyer: BuyerKind, price: str, now: str) -> str:
    """SQL: whether the row `price` holds at `now` and is on a list of such a buyer."""
    lists = ", ".join(f"'{name}'" for name in ENTITLED[buyer])
    return f"{price}.list IN ({lists}) AND {holds(price, now)}"


def holds(price: str, now: str) -> str:
    """SQL: whether the row `price` holds at `now`; one of the campaign list only while its goods take part in one."""
    day = f"(CAST({now} AS timestamptz) AT TIME ZONE 'Asia/Shanghai')::date"
    return f"""{in_force(price, now)} AND ({price}.list <> 'campaign' OR EXISTS (SELECT FROM sku campaign_sku
        JOIN campaign_product part ON part.product_id = campaign_sku.product_id
        JOIN campaign running ON running.id = part.campaign_id
        WHERE campaign_sku.id = {price}.sku_id AND {in_force("running", day)}))"""
