"""What can be wrong with a purchase, wherever a verb meets it."""

from typing import ClassVar

from shop.core.errors import Problem


class WrongState(Problem):
    """The step is not next. `state`: where the purchase stands."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "wrong_state"
    title: ClassVar[str] = "这一步现在不能做"


class ApprovalStale(Problem):
    """The content is no longer what was submitted, shown or approved."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "approval_stale"
    title: ClassVar[str] = "内容已经变化，原来的审批作废"


class NoticeOpen(Problem):
    """The public notice still runs, or an objection waits for its answer."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "notice_open"
    title: ClassVar[str] = "公示还没有结束"


class PlanInvalid(Problem):
    """The plan contradicts itself or the books."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "plan_invalid"
    title: ClassVar[str] = "采购计划填写有误"


STATE_WORDS = {
    "draft": "草稿", "quoting": "询价", "submitted": "待审批", "approved": "已批准", "rejected": "已退回",
    "noticed": "公示", "ordered": "已下单", "shipped": "已发货", "accepted": "已验收", "distributed": "已发放",
    "archived": "已归档", "cancelled": "已取消",
}  # fmt: skip
