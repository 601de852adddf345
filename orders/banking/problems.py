"""What stands in the way at the bank desk, whichever step it is."""

from typing import ClassVar

from shop.core.errors import Problem


class SamePerson(Problem):
    """Who said it may not confirm it."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "same_person"
    title: ClassVar[str] = "提出和确认必须是两个人"
