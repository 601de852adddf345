"""Every error as an answer: problem+json for programs, a page for people."""

from http import HTTPStatus
from typing import Any, Final, cast

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from shop.core.errors import Detail, Invalid, NotFound, Problem
from shop.ui.i18n import translations
from shop.ui.pages import lang_of, render

PROBLEM_JSON = "application/problem+json"
FOR_PROGRAMS = (
    "/api/",
    "/hooks/",
    "/sandbox/clock",
    "/sandbox/payments/",
    "/sandbox/disputes/",
    "/sandbox/refunds/",
    "/healthz",
    "/readyz",
    "/metrics",  # of the operator's port: here nobody finds it
    "/openapi.json",
)


class MethodNotAllowed(Problem):
    status = 405
    code = "method_not_allowed"
    title = "此处不支持这种操作"


class Refused(Problem):
    """What the framework refuses before a verb is reached. `status` is set per answer."""

    code = "bad_request"


class TooLarge(Problem):
    status = 413
    code = "too_large"
    title = "内容太大"


class Crashed(Problem):
    status = 500
    code = "internal"
    title = "系统出错了"


class DatabaseAway(Problem):
    status = 503
    code = "try_again"
    title = "系统暂时无法使用"


def answer_problems(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)


def answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The problem in the caller's language and form. `retry_after_s` in its `extra` becomes Retry-After."""
    headers = dict(headers or {})
    if seconds := problem.extra.get("retry_after_s"):
        headers["retry-after"] = str(seconds)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    words = translations(lang_of(request))
    body = problem.as_json()
    body["title"], body["detail"] = words.gettext(body["title"]), words.gettext(body["detail"])
    if for_program(request):
        return JSONResponse(body, problem.status, headers, media_type=PROBLEM_JSON)
    page = render(request, "problem.html", status=problem.status, problem=body)
    page.headers.update(headers)
    return page


def for_program(request: Request) -> bool:
    """Whether the caller wants JSON: by the path, or by what it accepts."""
    accepted = request.headers.get("accept", "")
    return request.url.path.startswith(FOR_PROGRAMS) or ("json" in accepted and "text/html" not in accepted)


def crashed(request: Request, error: Exception) -> Response:
    """Nobody expected this; it was logged without its words. A database that is away says: try again."""
    request_id = getattr(request.state, "request_id", "")
    if _is_away(error):
        problem: Problem = DatabaseAway("请过几分钟再试。没有完成的操作不会扣款。", extra={"retry_after_s": 5})
    else:
        problem = Crashed(f"请稍后再试；仍有问题时，请把编号 {request_id} 告诉客服。")
    try:
        return answer(request, problem)
    except Exception:  # noqa: BLE001  # the page itself may be what is broken
        return JSONResponse(problem.as_json(), problem.status, media_type=PROBLEM_JSON)


_AWAY: Final = (
    OperationalError,
    InterfaceError,
    PoolTimeout,
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # a connection that was cut while it was spoken on
    asyncpg.InterfaceError,  # one that was closed
)


def _is_away(error: BaseException | None) -> bool:
    """Whether the database, or a pooler in front of it, did not take the question; the toolkit wraps that twice."""
    for _ in range(3):
        if isinstance(error, _AWAY):
            return True
        error = error and error.__cause__
    return False


async def _problem(request: Request, error: Exception) -> Response:
    return answer(request, cast("Problem", error))


async def _invalid(request: Request, error: Exception) -> Response:
    found = [_detail(one) for one in cast("RequestValidationError", error).errors()]
    return answer(request, Invalid("请按提示改正后再提交。", found))


async def _refused(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    headers = dict(refusal.headers or {})
    if refusal.status_code == HTTPStatus.NOT_FOUND:
        return answer(request, NotFound("网址可能不完整，或内容已下架。"), headers)
    if refusal.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return answer(request, MethodNotAllowed(f"请改用：{headers.get('Allow', '')}"), headers)
    if refusal.status_code == 413:
        return answer(request, TooLarge("请分几次提交。"), headers)
    if refusal.status_code == 422:
        return answer(request, Invalid(refusal.detail), headers)
    problem = Refused("请求无法读取，请检查格式后再试。")
    problem.status = refusal.status_code  # type: ignore[misc]  # this one instance's
    return answer(request, problem, headers)


def _detail(error: dict[str, Any]) -> Detail:
    """One of pydantic's findings in our words. What was sent is not repeated: it may be personal."""
    place = [str(part) for part in error["loc"]]
    if error["type"] == "json_invalid":
        return Detail("", "json_invalid", "内容不是有效的 JSON")
    inside = place[1:] if place[0] in {"body", "query", "path", "header", "cookie"} else place
    pointer = "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in inside)
    return Detail(pointer, error["type"], _said(error["type"], error.get("ctx", {})))


def _said(kind: str, context: dict[str, Any]) -> str:
    template = _WORDS.get(kind)
    if template is None:
        template = next((words for start, words in _FAMILIES.items() if kind.startswith(start)), "填写有误")
    try:
        return template.format(**context)
    except (KeyError, IndexError):
        return "填写有误"


_WORDS = {
    "missing": "必填",
    "extra_forbidden": "没有这一项",
    "greater_than": "必须大于 {gt}",
    "greater_than_equal": "不能小于 {ge}",
    "less_than": "必须小于 {lt}",
    "less_than_equal": "不能大于 {le}",
    "string_too_short": "至少 {min_length} 个字",
    "string_too_long": "最多 {max_length} 个字",
    "string_pattern_mismatch": "格式不正确",
    "too_short": "至少 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "enum": "只能是 {expected}",
    "literal_error": "只能是 {expected}",
    "value_error": "填写有误",
}
_FAMILIES = {
    "int": "应为整数",
    "bool": "应为 true 或 false",
    "string": "应为文字",
    "float": "应为数字",
    "decimal": "应为数字",
    "uuid": "编号格式不正确",
    "datetime": "应为带时区的时间，例如 2026-11-22T09:00:00+08:00",
    "timezone": "应为带时区的时间，例如 2026-11-22T09:00:00+08:00",
    "date": "应为日期，例如 2026-11-22",
    "list": "应为列表",
    "dict": "应为对象",
    "model": "应为对象",
}
