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
from shop.core.postgres.postmaster import PostgresBinariesMissing
from shop.core.settings import Settings, refusal_of

_NO_SCHEMA: Final = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)
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
    except PostgresBinariesMissing as missing:
        _end(str(missing))
    except ValidationError as refused:
        if refused.title != Settings.__name__:
            raise
        _end(refusal_of(refused))
    except OSError as away:
        if not (said := _said_of(away)):
            raise
        _end(said)
    except (asyncpg.PostgresError, DBAPIError) as error:
        there = error if isinstance(error, asyncpg.PostgresError) else error.orig and error.orig.__cause__
        if isinstance(there, _NO_SCHEMA):
            _end("数据库还没有准备好：请先运行 shop migrate")
        if not isinstance(there, _TURNED_AWAY):
            raise
        _end(f"数据库不让连：请核对 DATABASE_URL 和 DATABASE_OWNER_URL（{there}）")


def _said_of(away: OSError) -> str | None:
    """Of a server, or of a file that a command was given."""
    if isinstance(away, SSLError | ConnectionError):
        return f"数据库没有应答：请核对 DATABASE_URL 和 DATABASE_OWNER_URL，并确认 PostgreSQL 已启动（{away}）"
    return f"文件打不开：{away.filename}（{away.strerror}）" if away.filename else None


def _end(*lines: str) -> None:
    sys.stderr.write("\n".join(lines) + "\n")
    sys.exit(1)
