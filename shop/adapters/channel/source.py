"""What a channel hands out: rows after a cursor, in the order in which they came to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from shop.core.errors import Problem


class ChannelUnavailable(Problem):
    """No answer, or one that says try again. Nothing was taken; the same cursor may be asked for again."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "channel_unavailable"
    title: ClassVar[str] = "渠道接口暂时没有响应"


class ChannelAnswerWrong(Problem):
    """An answer whose signature or shape is not the channel's: somebody should look at it."""

    status: ClassVar[int] = 502
    code: ClassVar[str] = "channel_answer_wrong"
    title: ClassVar[str] = "渠道接口的应答不对"


@dataclass(frozen=True, slots=True)
class Pulled:
    """Cells by the names of our own fields, as text. cursor: where the next page begins."""

    rows: Sequence[Mapping[str, str]]
    cursor: str


class ChannelSource(Protocol):
    """No call may stand inside a database transaction."""

    async def pull(self, cursor: str) -> Pulled:
        """The page after `cursor`, blank for the first one; no rows: there is nothing new.

        Raises ChannelUnavailable, ChannelAnswerWrong.
        """
