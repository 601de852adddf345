"""A form that was refused comes back with what was typed, and what is wrong beside the field where it is."""

from starlette.requests import Request
from starlette.responses import HTMLResponse

from shop.core.errors import Problem
from shop.ui.pages import render


def render_again(request: Request, name: str, problem: Problem, /, **context: object) -> HTMLResponse:
    """The template gets `errors`, field → what is wrong, and `problem` where it is of no field; else None."""
    errors = {one.pointer.removeprefix("/"): one.detail for one in problem.errors}
    shown = context | {"errors": errors, "problem": None if errors else problem}
    page = render(request, name, problem.status, **shown)
    if "retry_after_s" in problem.extra:
        page.headers["retry-after"] = str(problem.extra["retry_after_s"])
    return page
