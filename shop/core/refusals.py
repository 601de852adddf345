"""How a command says no: one line on standard error and exit code 1. What nobody expected keeps its traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from shop.core.errors import Problem
from shop.core.postmaster import PostgresBinariesMissing
from shop.core.settings import Settings, refusal_of

_NO_SCHEMA: Final = frozenset({"42P01", "3F000"})  # undefined_table, invalid_schema_name


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
    except (DBAPIError, ConnectionError) as trouble:
        said = _trouble(trouble)
        if said is None:
            raise
        _end(said)


def _trouble(trouble: DBAPIError | ConnectionError) -> str | None:
    """What an operator can mend: no connection, or a schema that is not there. Anything else is ours."""
    if isinstance(trouble, ConnectionError) or trouble.statement is None:
        kind = str(getattr(trouble, "orig", None) or trouble).partition("\n")[0]
        return f"数据库没有应答：请核对 DATABASE_URL 和 DATABASE_OWNER_URL，并确认 PostgreSQL 已启动（{kind}）"
    if getattr(trouble.orig, "sqlstate", None) in _NO_SCHEMA:
        return "数据库还没有准备好：请先运行 shop migrate"
    return None


def _end(*lines: str) -> None:
    sys.stderr.write("\n".join(lines) + "\n")
    sys.exit(1)
