"""What a buyer sends."""

import re
from typing import Annotated
from uuid import UUID

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from orders.cart.put_line import QUANTITY_MAX
from orders.funds.source import FundSource
from shop.organisation.address_book import checked_street

Quantity = Annotated[int, Field(strict=True, ge=1, le=QUANTITY_MAX)]
FenIn = Annotated[int, Field(strict=True, ge=0, le=10**12)]
Text = StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
_USUAL_PHONE = re.compile(r"^(?:1[3-9]\d{9}|0\d{2,3}-?\d{7,8})$")


class AddressIn(BaseModel):
    """region_code: six digits of a county of today."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Text, Field(max_length=50)]
    phone: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]
    region_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    street: Annotated[str, Text, AfterValidator(checked_street)]
    postcode: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None

    @field_validator("phone")
    @classmethod
    def can_be_called(cls, phone: str) -> str:
        """The usual Chinese numbers at a glance, everything else by the numbering plans."""
        if _USUAL_PHONE.match(phone):
            return phone
        try:
            if phonenumbers.is_possible_number(phonenumbers.parse(phone, "CN")):
                return phone
        except phonenumbers.NumberParseException:
            pass
        raise ValueError("请填写能打通的手机或座机号码")


class LineIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku_id: UUID
    quantity: Quantity
    expected_price_fen: FenIn | None = None


def _each_once(lines: list[LineIn]) -> list[LineIn]:
    if len({line.sku_id for line in lines}) < len(lines):
        raise ValueError("同一规格请合并为一行")
    return lines


Lines = Annotated[list[LineIn], Field(min_length=1, max_length=100), AfterValidator(_each_once)]


class PlaceIn(BaseModel):
    """No lines: the cart. expected_*: what the buyer saw; another price answers 409 with both. fund_source: personal;
    any other answers 422 `own_desk_only`.
    """

    model_config = ConfigDict(extra="forbid")

    lines: Lines | None = None
    address: AddressIn
    fund_source: FundSource = "personal"
    allowance_fen: FenIn | None = None
    expected_total_fen: FenIn | None = None


class QuantityIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    quantity: Quantity


class RegionIn(BaseModel):
    """Of an address only the place matters for a quote."""

    region_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class CheckoutQuoteIn(BaseModel):
    """No lines: the cart."""

    lines: Lines | None = None
    address: RegionIn
