"""Why the desk says no, and what to do then."""

from typing import ClassVar

from shop.core.errors import Problem


class NothingToDecide(Problem):
    """It was decided, or healed by itself."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "nothing_to_decide"
    title: ClassVar[str] = "这一项已经处理完"


class SecondPersonNeeded(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "second_person_needed"
    title: ClassVar[str] = "须由另一位同事确认"


class OtherThingAsked(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "other_thing_asked"
    title: ClassVar[str] = "同事申请的是另一种处理"


class NotThatWay(Problem):
    """The thing asked for does not fit what waits."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_that_way"
    title: ClassVar[str] = "这一项不能这样处理"


class OnItsWay(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "on_its_way"
    title: ClassVar[str] = "这笔款正在退回"


class AdvanceShort(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "advance_short"
    title: ClassVar[str] = "预收款不够付清这张订单"
