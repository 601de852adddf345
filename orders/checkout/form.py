"""What the checkout page sends, and where that is: a remembered address, or one that was typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from orders.checkout.regions import Region, find_regions, labels_of
from orders.checkout.schemas import AddressIn
from shop.core.database import ReadSession
from shop.organisation.address_book import list_addresses
from shop.organisation.models import Address

NEW: Final = "new"
SAID: Final = {
    "name": "请填写收货人姓名，不超过 50 个字。",
    "phone": "请填写能打通的手机或座机号码。",
    "street": "请填写街道、门牌号，不超过 120 个字。",
    "postcode": "邮政编码为 6 位数字，也可以不填。",
    "region_missing": "请填写收货的县（市、区），例如：上海市黄浦区。",
    "region_not_found": "没有找到这个县（市、区），请核对后再查，例如：上海市黄浦区。",
    "region_unclear": "有几个地方符合，请在下面选择一个。",
}
_STREET_MOST: Final = 120  # what the address book keeps


class CheckoutForm(BaseModel):
    """As typed. address: the id of a remembered one, `new`, or blank (nobody chose yet)."""

    do: Literal["place", "find", "look"] = "look"
    address: str = ""
    name: str = ""
    phone: str = ""
    region_q: str = ""
    region_code: str = ""
    street: str = ""
    postcode: str = ""
    remember: bool = False
    key: str = Field(default="", max_length=100)
    expected_total_fen: str = ""
    use_allowance: bool = False
    allowance_fen: str = ""

    @property
    def requested_allowance_fen(self) -> int | None:
        """As much as the page offered, if that is wanted."""
        typed = self.allowance_fen
        offered = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 12 else 0
        return offered if self.use_allowance and offered else None

    @property
    def seen_total_fen(self) -> int | None:
        """The total that stood on the page when it was sent; None when there was none."""
        typed = self.expected_total_fen
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 12 else None


@dataclass(frozen=True, slots=True)
class Remembered:
    """A line of the address book with its county in words."""

    address: Address
    label: str


@dataclass(frozen=True, slots=True)
class Destination:
    """address: complete and checked, or None with `errors` (field → what to mend).

    region_code: as far as it is known. regions: what fits the words that were typed. book: what is remembered.
    """

    address: AddressIn | None
    errors: Mapping[str, str]
    region_code: str | None
    region_label: str
    regions: Sequence[Region]
    book: Sequence[Remembered]
    remembered_id: UUID | None


async def destination_of(session: ReadSession, form: CheckoutForm, *, person_id: UUID, day: date) -> Destination:
    """Nobody chose yet: the address used last, if there is one."""
    found = await list_addresses(session, person_id=person_id)
    labels = await labels_of(session, {one.region_code for one in found})
    book = [Remembered(one, labels.get(one.region_code, one.region_code)) for one in found]
    if form.address != NEW and book:
        chosen = next((one for one in book if str(one.address.id) == form.address), book[0])
        kept = chosen.address
        return Destination(
            address=AddressIn(
                name=kept.name,
                phone=kept.phone,
                region_code=kept.region_code,
                street=kept.street,
                postcode=kept.postcode,
            ),
            errors={},
            region_code=kept.region_code,
            region_label=chosen.label,
            regions=(),
            book=book,
            remembered_id=kept.id,
        )
    return await _typed(session, form, book, day)


async def _typed(session: ReadSession, form: CheckoutForm, book: Sequence[Remembered], day: date) -> Destination:
    regions = await find_regions(session, form.region_q, day=day)
    region = _chosen(form, regions)
    errors: dict[str, str] = {}
    if region is None:
        errors["region_q"] = _region_trouble(form, regions)
    address = None
    try:
        address = AddressIn(
            name=form.name,
            phone=form.phone,
            region_code=region.code if region else "000000",
            street=form.street,
            postcode=form.postcode.strip() or None,
        )
    except ValidationError as invalid:
        errors |= {name: SAID[name] for one in invalid.errors() if (name := str(one["loc"][0])) in SAID}
    if len(form.street.strip()) > _STREET_MOST:
        errors["street"] = SAID["street"]
    return Destination(
        address=None if errors else address,
        errors=errors,
        region_code=region.code if region else None,
        region_label=region.label if region else "",
        regions=regions,
        book=book,
        remembered_id=None,
    )


def _chosen(form: CheckoutForm, regions: Sequence[Region]) -> Region | None:
    """The one picked from the list, if it still fits what is typed; else the only one that fits, or fits exactly."""
    by_code = {region.code: region for region in regions}
    if picked := by_code.get(form.region_code):
        return picked
    said = "".join(form.region_q.split())
    exact = [region for region in regions if said in {region.label, region.code}]
    if len(exact) == 1:
        return exact[0]
    return regions[0] if len(regions) == 1 else None


def _region_trouble(form: CheckoutForm, regions: Sequence[Region]) -> str:
    if not form.region_q.strip():
        return SAID["region_missing"]
    return SAID["region_unclear" if regions else "region_not_found"]
