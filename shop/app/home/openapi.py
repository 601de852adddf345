"""The OpenAPI document: what FastAPI knows, and the problems that every route may answer."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_BY_STATUS = {
    "400": "请求有误",
    "401": "没有登录，或令牌已失效",
    "403": "没有权限",
    "404": "没有找到，或陌生人无权知道",
    "409": "与现状冲突，什么都没有改变",
    "413": "内容太大",
    "415": "不支持这种内容",
    "422": "填写有误，errors 指明位置",
    "429": "请求太频繁，Retry-After 说明何时再试",
    "503": "暂时无法使用，Retry-After 说明何时再试",
}
_ANY_ROUTE = ("400", "401", "403", "404", "422", "429", "503")
_WRITES = (*_ANY_ROUTE, "409", "413", "415")
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; programs decide by it."},
        "detail": {"type": "string", "description": "What happened and what to do, in the caller's language."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
            },
        },
    },
}


def describe(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What `app.openapi` is to be: made once, when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                openapi_version="3.1.0",
                description=app.description,
                routes=app.routes,
            )
            _declare_problems(made)
            app.openapi_schema = made
        return app.openapi_schema

    return document


def _declare_problems(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in document["paths"].values():
        for method, operation in operations.items():
            answers = operation["responses"]
            if "422" in answers and "HTTPValidationError" in str(answers["422"]):
                del answers["422"]
            for status in _ANY_ROUTE if method == "get" else _WRITES:
                answers.setdefault(status, {"description": _BY_STATUS[status], "content": content})
            operation["responses"] = dict(sorted(answers.items()))
