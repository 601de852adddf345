"""What stands in the way of a confirmation or a decision."""

from typing import ClassVar

from shop.core.errors import Problem


class SecondPersonNeeded(Problem):
    """Who handed it in may not confirm or decide it."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "second_person_needed"
    title: ClassVar[str] = "须由另一位同事处理"


class AlreadyDecided(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_decided"
    title: ClassVar[str] = "这一项已经有人处理"


class BatchHasErrors(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "batch_has_errors"
    title: ClassVar[str] = "这份对账单有错误，不能确认"


class ChangedMeanwhile(Problem):
    """Since it was handed in, other imports made some of its rows impossible; `errors[]` says which."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "changed_meanwhile"
    title: ClassVar[str] = "上传之后情况有变，什么都没有记入"
