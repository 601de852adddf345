"""Nobody decides about what he paid himself, whatever right he has over everybody's."""

from typing import ClassVar

from shop.core.errors import Problem


class OwnMoney(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "own_money"
    title: ClassVar[str] = "不能处理自己的付款"

    def __init__(self) -> None:
        super().__init__("请由同事处理。")
