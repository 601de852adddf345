"""What went wrong, said twice: as problem+json for programs, as a page for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Detail:
    """One field or line that is wrong. pointer: JSON pointer into the request, e.g. /lines/0/quantity."""

    pointer: str
    code: str
    detail: str

    def as_json(self) -> dict[str, str]:
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


@dataclass
class Problem(Exception):
    """Base of every error a caller can cause. Subclasses stand beside their verb and set the class variables.

    `status`, `code` and `title` are fixed per class; `detail` says what happened and what to do, in Chinese.
    """

    detail: str = ""
    errors: Sequence[Detail] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "请求有误"

    def as_json(self) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail or self.title,
            **({"errors": [error.as_json() for error in self.errors]} if self.errors else {}),
            **self.extra,
        }


class NotFound(Problem):
    """Nothing there, or nothing that a stranger may know of."""

    status = 404
    code = "not_found"
    title = "没有找到"


class NotSignedIn(Problem):
    status = 401
    code = "not_signed_in"
    title = "请先登录"


class NotAllowed(Problem):
    status = 403
    code = "not_allowed"
    title = "没有权限"


class SecondPersonNeeded(Problem):
    """Who asked for something may not decide it."""

    status = 409
    code = "second_person_needed"
    title = "须由另一个人确认"


class Invalid(Problem):
    """The payload has the wrong shape."""

    status = 422
    code = "invalid"
    title = "填写有误"


class TooMany(Problem):
    status = 429
    code = "too_many_requests"
    title = "请求太频繁，请稍后再试"
