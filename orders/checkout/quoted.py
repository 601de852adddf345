"""A quote in words that others rely on: the JSON of carts and quotes, and what the pages show. All money in fen."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from orders.checkout.quote import Quote, QuoteLine, QuotePiece
from orders.order.schemas import NameRef, OrderCountyRef, OriginOut

TROUBLES = {
    "unknown_sku": ("没有这个商品规格", "请删除这一行，再从商品页重新选择。"),
    "not_for_sale": ("已经下架", "请删除这一行，才能提交订单。"),
    "papers_expired": ("食品证照已到期，暂停销售", "请先删除这一行，等供应商更新证照后再买。"),
    "out_of_season": ("不在发货季", "请先删除这一行，到发货季再买。"),
    "cannot_arrive": ("不能送到这个地址", "请换一个收货地区，或删除这一行。"),
    "out_of_stock": ("库存不足", "请减少数量或删除这一行。"),
}


@dataclass(frozen=True, slots=True)
class TroubleOut:
    """Why a line cannot be ordered (code), said in Chinese (title), and what to do about it (detail)."""

    code: str
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """unit_price_fen: null where nothing is for sale; price_list: which of the buyer's lists asks it; paid_fen: gross −
    discount; available: pieces to be had now.
    """

    sku_id: UUID
    product_id: UUID
    title: str
    spec: str
    image: str
    supplier: NameRef
    quantity: int
    unit_price_fen: int | None
    price_list: str | None
    discount_fen: int
    paid_fen: int
    available: int
    trouble: TroubleOut | None
    origins: list[OriginOut]


@dataclass(frozen=True, slots=True)
class CheckoutFreightOut:
    supplier: NameRef
    freight_fen: int


@dataclass(frozen=True, slots=True)
class CountsFor:
    """So much will be credited to this county when it is paid."""

    county: OrderCountyRef
    amount_fen: int


@dataclass(frozen=True, slots=True)
class NotCounted:
    reason: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class CheckoutQuoteOut:
    """arrives: everything can be sent to `region_code` (null: nobody said where to, and freight and total are null).

    can_order: no line has a trouble. unit: who is credited, as `credit_kind`; null when nobody is. allowance_fen: how
    much of one's allowances these goods could take.
    """

    region_code: str | None
    arrives: bool | None
    can_order: bool
    goods_fen: int
    discount_fen: int
    freight_fen: int | None
    total_fen: int | None
    credit_kind: str
    unit: NameRef | None
    lines: list[QuotedLine]
    freight: list[CheckoutFreightOut] | None
    counts_for: list[CountsFor]
    not_counted: list[NotCounted]
    allowance_fen: int = 0


def quoted_out(quote: Quote, region_code: str | None, *, allowance_fen: int = 0) -> CheckoutQuoteOut:
    """Pure. Lines of an unknown SKU are left out: callers refuse them before."""
    known = [line for line in quote.lines if line.sku]
    lines = [_line(line, region_code) for line in known]
    placed = region_code is not None
    return CheckoutQuoteOut(
        region_code=region_code,
        arrives=all(line.trouble is None or line.trouble.code != "cannot_arrive" for line in lines) if placed else None,
        can_order=bool(lines) and not any(line.trouble for line in lines),
        goods_fen=quote.goods_fen,
        discount_fen=quote.discount_fen,
        freight_fen=quote.total_freight_fen if placed else None,
        total_fen=quote.total_fen if placed else None,
        credit_kind=quote.credit_kind,
        unit=NameRef(quote.unit.id, quote.unit.name) if quote.unit else None,
        lines=lines,
        freight=[
            CheckoutFreightOut(NameRef(supplier_id, quote.supplier_names[supplier_id]), fen)
            for supplier_id, fen in quote.freight_fen.items()
        ]
        if placed
        else None,
        counts_for=[CountsFor(OrderCountyRef(code, name), fen) for (code, name), fen in quote.counts_for().items()],
        not_counted=_not_counted(known),
        allowance_fen=allowance_fen,
    )


def origin_out(piece: QuotePiece) -> OriginOut:
    content = piece.content
    return OriginOut(
        county=OrderCountyRef(content.county_code or "", content.county_name or ""),
        producer=NameRef(content.producer_id, content.producer_name),
        grams=piece.grams,
        paid_fen=piece.net_fen,
        counted=piece.not_counted_reason is None,
        not_counted_reason=piece.not_counted_reason,
    )


def _line(line: QuoteLine, region_code: str | None) -> QuotedLine:
    sku = line.sku
    assert sku is not None  # noqa: S101  # the caller left the others out
    return QuotedLine(
        sku_id=line.sku_id,
        product_id=sku.product_id,
        title=sku.title,
        spec=sku.spec,
        image=f"/media/products/{sku.product_id}.svg",
        supplier=NameRef(sku.supplier_id, sku.supplier_name),
        quantity=line.quantity,
        unit_price_fen=line.step.fen if line.step else None,
        price_list=line.step.list if line.step else None,
        discount_fen=line.discount_fen,
        paid_fen=line.net_fen,
        available=line.available,
        trouble=_trouble(line, region_code),
        origins=[origin_out(piece) for piece in line.pieces],
    )


def _trouble(line: QuoteLine, region_code: str | None) -> TroubleOut | None:
    code = line.trouble
    if code == "cannot_arrive" and region_code is None:  # nobody said where to
        code = "out_of_stock" if line.available < line.quantity else None
    if code is None:
        return None
    title, detail = TROUBLES[code]
    if code == "out_of_stock":
        title = f"库存不足，还剩 {line.available} 件" if line.available else "已售完"
    return TroubleOut(code, title, detail)


def _not_counted(lines: Sequence[QuoteLine]) -> list[NotCounted]:
    sums: dict[str, int] = {}
    for line in lines:
        parts = [piece for share in line.shares for piece in share.pieces] if line.shares else line.pieces
        for piece in parts:
            if piece.not_counted_reason:
                sums[piece.not_counted_reason] = sums.get(piece.not_counted_reason, 0) + piece.net_fen
    return [NotCounted(reason, fen) for reason, fen in sums.items()]
