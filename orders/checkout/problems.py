"""Why an order cannot be placed as asked: one class a reason, one detail a line."""

from collections.abc import Sequence

from orders.cart.put_line import UnknownSku
from orders.checkout.quote import Quote, QuoteLine
from orders.checkout.schemas import PlaceIn
from shop.core.errors import Detail, Problem
from shop.ui.filters import yuan


class NotForSale(Problem):
    status = 409
    code = "not_for_sale"
    title = "有商品已经下架"


class PapersExpired(Problem):
    """DOMAIN rule 21: food papers stop sales when they expire."""

    status = 409
    code = "papers_expired"
    title = "有商品的食品证照已到期，暂停销售"


class OutOfSeason(Problem):
    status = 409
    code = "out_of_season"
    title = "有商品不在发货季"


class OutOfStock(Problem):
    """`errors[].left` says how many pieces could still be ordered."""

    status = 409
    code = "out_of_stock"
    title = "库存不足"


class CannotArrive(Problem):
    status = 409
    code = "cannot_arrive"
    title = "有商品不能送到这个地址"


class PriceChanged(Problem):
    """`errors[]` names the old and the new price of every line that changed."""

    status = 409
    code = "price_changed"
    title = "价格有变动"


class RegionUnknown(Problem):
    status = 422
    code = "region_unknown"
    title = "收货地区无法识别"


class EmptyCart(Problem):
    status = 422
    code = "cart_empty"
    title = "购物车是空的"


class OwnDeskOnly(Problem):
    """Money of a union, a canteen, the administration or the party is spent where plan, approval and caps are kept."""

    status = 422
    code = "own_desk_only"
    title = "这笔资金不能在商城里直接下单"


class AllowanceNotAvailable(Problem):
    """`available_fen` says how much of it these goods could take."""

    status = 422
    code = "allowance_not_available"
    title = "没有可用的福利额度"


_TROUBLES: dict[str, tuple[type[Problem], str]] = {
    "unknown_sku": (UnknownSku, "请从商品页重新选择规格。"),
    "not_for_sale": (NotForSale, "请从购物车里删除这些商品，再提交。"),
    "papers_expired": (PapersExpired, "请从购物车里删除这些商品，等供应商更新证照后再买。"),
    "out_of_season": (OutOfSeason, "请从购物车里删除这些商品，到发货季再买。"),
    "cannot_arrive": (CannotArrive, "请换一个收货地址，或删除这些商品。"),
    "out_of_stock": (OutOfStock, "请减少数量再提交。"),
}


def check(quoted: Quote, requested: PlaceIn) -> None:
    """Raise the first kind of trouble with all its lines; an order is placed whole or not at all."""
    if not quoted.lines:
        raise EmptyCart("请先把商品放进购物车。")
    _check_money(requested)
    if trouble := trouble_of(quoted):
        raise trouble
    _check_expected(quoted, requested)
    _check_allowance(quoted, requested)


def trouble_of(quoted: Quote) -> Problem | None:
    """The first kind of trouble with the place or the goods, with all its lines."""
    if not quoted.facts.region_known:
        return RegionUnknown(
            "请重新选择收货的省、市、县。", [Detail("/address/region_code", "region_unknown", "没有这个区划代码")]
        )
    for code, (problem, advice) in _TROUBLES.items():
        if lines := [(i, line) for i, line in enumerate(quoted.lines) if line.trouble == code]:
            return problem(advice, [_detail(i, line, code) for i, line in lines], extra=_left(lines, code))
    return None


def _check_money(requested: PlaceIn) -> None:
    if requested.allowance_fen and requested.fund_source != "personal":
        raise AllowanceNotAvailable(
            "福利额度只能和个人支付一起使用。",
            [Detail("/allowance_fen", "allowance_not_available", "资金来源请选“个人”")],
        )
    if requested.fund_source != "personal":
        raise OwnDeskOnly(
            "请选择“个人”；工会经费在“工会采购”里做计划，食堂经费在“食堂采购”里下单，福利额度在结算时使用。",
            [Detail("/fund_source", OwnDeskOnly.code, "商城里只能用个人资金")],
        )


def _check_allowance(quoted: Quote, requested: PlaceIn) -> None:
    """The quote bears as much of the allowance as fits; `available_fen` says how much that is."""
    if quoted.allowance_fen < (requested.allowance_fen or 0):
        fits = quoted.allowance_fen
        raise AllowanceNotAvailable(
            "请减少使用的福利额度，其余用自己的钱支付。" if fits else "请改用自己的钱支付。",
            [Detail("/allowance_fen", "allowance_not_available", f"这些商品最多可以使用福利额度 {yuan(fits)}")],
            extra={"available_fen": fits},
        )


def _detail(index: int, line: QuoteLine, code: str) -> Detail:
    name = f"{line.sku.title}（{line.sku.spec}）" if line.sku else "未知规格"
    left = f"，还剩 {line.available} 件" if code == "out_of_stock" else ""
    return Detail(f"/lines/{index}", code, name + left)


def _left(lines: Sequence[tuple[int, QuoteLine]], code: str) -> dict[str, dict[str, int]]:
    return {"left": {str(line.sku_id): line.available for _, line in lines}} if code == "out_of_stock" else {}


def _check_expected(quoted: Quote, requested: PlaceIn) -> None:
    changed = [
        (index, asked, line)
        for index, (asked, line) in enumerate(zip(requested.lines or (), quoted.lines, strict=bool(requested.lines)))
        if asked.expected_price_fen is not None and line.step and asked.expected_price_fen != line.step.fen
    ]
    if changed:
        raise PriceChanged(
            "请看过新价格再提交。",
            [
                Detail(
                    f"/lines/{i}/expected_price_fen",
                    "price_changed",
                    f"原价 {a.expected_price_fen} 分，现价 {b.step.fen} 分",
                )
                for i, a, b in changed
                if b.step
            ],
            extra={
                "prices": [
                    {"sku_id": str(a.sku_id), "old_fen": a.expected_price_fen, "new_fen": b.step.fen}
                    for _, a, b in changed
                    if b.step
                ]
            },
        )
    if requested.expected_total_fen is not None and requested.expected_total_fen != quoted.total_fen:
        raise PriceChanged(
            "请看过新的合计再提交。",
            [
                Detail(
                    "/expected_total_fen",
                    "price_changed",
                    f"原合计 {requested.expected_total_fen} 分，现合计 {quoted.total_fen} 分",
                )
            ],
            extra={"old_total_fen": requested.expected_total_fen, "new_total_fen": quoted.total_fen},
        )
