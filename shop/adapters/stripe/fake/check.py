"""A request as Stripe reads it: the form unfolded, then checked with the types of Stripe's own library."""

import re
import sys
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from stripe._request_options import RequestOptions

# Stripe's types also name Stripe's classes (for callers that hand them in); those are checked by isinstance.
_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


class Refusal(Exception):  # it says what happened
    """An answer in Stripe's shape of an error."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, "code": code, "param": param}}


def checked(shape: Any, form: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The form as nested values of the right types. Raises Refusal on an unknown, missing or ill-typed parameter."""
    try:
        values: dict[str, Any] = _strict(shape).validate_python(_unfolded(form))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        head, *rest = (str(step) for step in first["loc"])
        param = head + "".join(f"[{step}]" for step in rest)
        code = {"extra_forbidden": "parameter_unknown", "missing": "parameter_missing"}.get(first["type"])
        raise Refusal(f"{param}: {first['msg']}", code=code, param=param) from error
    return values


@cache
def _strict(shape: Any) -> TypeAdapter[dict[str, Any]]:
    """Stripe's TypedDict, forbidding what it does not name, without the options its library takes beside."""
    maker = type(shape)  # what makes a TypedDict; pydantic wants the very kind that Stripe uses
    for nested in vars(sys.modules[shape.__module__]).values():
        if type(nested) is maker and nested is not RequestOptions:
            nested.__pydantic_config__ = _STRICT  # only pydantic reads this mark
    names = {name: kind for name, kind in shape.__annotations__.items() if name not in RequestOptions.__annotations__}
    space = {"__annotations__": names, "__module__": shape.__module__, "__pydantic_config__": _STRICT}
    adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(maker(shape.__name__, (), space))
    return adapter


def _unfolded(form: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`a[0][b]=1` → {"a": [{"b": "1"}]}."""
    tree: dict[str, Any] = {}
    for key, value in form:
        found = _KEY.fullmatch(key)
        if not found:
            raise Refusal(f"Received unknown parameter: {key}", code="parameter_unknown", param=key)
        steps = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]
        branch = tree
        for here, following in pairwise(steps):
            deeper = branch.setdefault(here or str(len(branch)), {})
            if not isinstance(deeper, dict):
                raise Refusal(f"Invalid {following}", param=key)
            branch = deeper
        branch[steps[-1] or str(len(branch))] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(inner) for name, inner in value.items()}
