"""What can be wrong when goods are counted, sent or given back."""

from typing import ClassVar

from shop.core.errors import Problem


class DutiesNotApart(Problem):
    """Whoever asked for an order or approved it does not accept its goods, and nobody accepts alone."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "duties_not_apart"
    title: ClassVar[str] = "申请、审批、验收必须是不同的人"


class WitnessUnknown(Problem):
    """The other person may not accept goods here, or asked for them."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "witness_unknown"
    title: ClassVar[str] = "共同验收人不能验收这批货"


class AlreadyAnswered(Problem):
    """The second person said yes or no before; that is not taken back."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_answered"
    title: ClassVar[str] = "这次验收已经答复过"


class AlreadyAccepted(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_accepted"
    title: ClassVar[str] = "这批货已经验收过"


class NotToBeAccepted(Problem):
    """The order was cancelled, or its goods are not on their way."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_to_be_accepted"
    title: ClassVar[str] = "这笔订单现在不能验收"


class CountDiffers(Problem):
    """Lines are missing, unknown, or accepted + short + damaged + refused is not what was expected."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "count_differs"
    title: ClassVar[str] = "验收数量与应到数量对不上"


class PastBestBefore(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "past_best_before"
    title: ClassVar[str] = "已过保质期的货不能验收入库"


class DayOutOfRange(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "day_out_of_range"
    title: ClassVar[str] = "验收日期不对"


class NotAccepted(Problem):
    """Nothing of the order was accepted yet."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_accepted"
    title: ClassVar[str] = "货物还没有验收，没有可退的部分"


class ReductionExceeds(Problem):
    """More than what is left. `errors[]` says what is left of each line."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "refund_exceeds"
    title: ClassVar[str] = "退款超过剩余可退部分"


class NoSuchParcel(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "unknown_parcel"
    title: ClassVar[str] = "订单里没有这个包裹"


class WaybillMissing(Problem):
    """Homes are accepted on the basis of waybills: every parcel needs one."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "waybill_missing"
    title: ClassVar[str] = "还有包裹没有登记运单"


class AlreadySent(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_sent"
    title: ClassVar[str] = "包裹或运单号已经登记过"
