"""What a filing refuses."""

from typing import ClassVar

from shop.core.errors import Problem


class RoundExists(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "round_exists"
    title: ClassVar[str] = "这个月份已经发起过填报"


class RoundAhead(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "month_ahead"
    title: ClassVar[str] = "还没有到这个月份"


class NoBranches(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "no_branches"
    title: ClassVar[str] = "这个单位没有下级单位"


class FilingState(Problem):
    """Somebody was quicker, or the step before is missing."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "filing_state"
    title: ClassVar[str] = "当前状态不能这样操作"


class FigureChanged(Problem):
    """What was read is not what would be signed."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "figure_changed"
    title: ClassVar[str] = "数字刚刚重新确认过"


class NotNil(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_nil"
    title: ClassVar[str] = "本月有数字，不能零报"


class OwnFiling(Problem):
    """Who prepared it may not sign it."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "second_person_needed"
    title: ClassVar[str] = "须由另一位同事签字"
