"""How a command says no: one line on standard error and exit code 1. What nobody expected keeps its traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from shop.core.errors import Problem
from shop.core.postmaster import PostgresBinariesMissing
from shop.core.settings import Settings, refusal_of


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Around a whole command. A traceback of the settings would print them, secrets and all."""
    try:
        yield
    except Problem as problem:
        _end(f"{problem.title}：{problem.detail}", *(f"  {one.pointer} {one.detail}" for one in problem.errors))
    except PostgresBinariesMissing as missing:
        _end(str(missing))
    except ValidationError as refused:
        if refused.title != Settings.__name__:
            raise
        _end(refusal_of(refused))


def _end(*lines: str) -> None:
    sys.stderr.write("\n".join(lines) + "\n")
    sys.exit(1)
