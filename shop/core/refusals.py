"""How a command says no: one line on standard error and exit code 1. What nobody expected keeps its traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLError
from typing import Final

import asyncpg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from shop.core.errors import Problem
from shop.core.settings import Settings, refusal_of

_TURNED_AWAY: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
)
"""What PostgreSQL, or a pooler, says to who knocks."""


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Around a whole command. A traceback of the settings would print them, secrets and all."""
    try:
        yield
    except Problem as problem:
        _end(f"{problem.title}：{problem.detail}", *(f"  {one.pointer} {one.detail}" for one in problem.errors))
    except ValidationError as refused:
        if refused.title != Settings.__name__:
            raise
        _end(refusal_of(refused))
    except (SSLError, ConnectionError) as away:
        _end(f"数据库连不上：{away}")
    except (asyncpg.PostgresError, DBAPIError) as error:
        there = error if isinstance(error, asyncpg.PostgresError) else error.orig and error.orig.__cause__
        if not isinstance(there, _TURNED_AWAY):
            raise
        _end(f"数据库不让连：{there}")


def _end(*lines: str) -> None:
    sys.stderr.write("\n".join(lines) + "\n")
    sys.exit(1)
