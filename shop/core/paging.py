"""Keyset paging: a cursor is where the last page ended, never how many rows to skip."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import Query

from shop.core.errors import Detail, Invalid

LIMIT_DEFAULT, LIMIT_MAX = 20, 100
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=500)]
"""What a list declares: `limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None`."""
YEAR_MIN, YEAR_MAX, TEXT_MAX = 1900, 9999, 400
NO_NUL = r"^[^\x00]*$"
"""Pattern of free text that goes to PostgreSQL, which keeps no NUL."""


def _kept(key: object, int_max: int) -> bool:
    """Whether PostgreSQL keeps it in any column that a page is sorted by."""
    match key:
        case str():
            return len(key) <= TEXT_MAX and "\0" not in key
        case bool() | int():
            return -int_max <= key <= int_max
        case datetime():
            return key.tzinfo is not None and YEAR_MIN < key.year < YEAR_MAX
        case date():
            return YEAR_MIN <= key.year <= YEAR_MAX
        case _:
            return True


def cursor_of(*keys: Any) -> str:
    """The sort keys of the last row, as opaque text."""
    return urlsafe_b64encode(msgspec.json.encode(keys)).decode().rstrip("=")


def read_cursor(cursor: str, *types: type, int_max: int = 2**31 - 1) -> tuple[Any, ...]:
    """The sort keys in it. int_max: what the column keeps.

    Raises Invalid when the cursor was not made by `cursor_of` with such keys.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        keys: tuple[Any, ...] = msgspec.json.decode(urlsafe_b64decode(padded), type=tuple[types])  # type: ignore[valid-type]
        if not all(_kept(key, int_max) for key in keys):
            raise ValueError("PostgreSQL keeps no such value")  # noqa: TRY301  # answered like any other broken cursor
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid(
            "翻页位置已失效，请从第一页重新浏览。", [Detail("/cursor", "cursor_invalid", "翻页位置无效")]
        ) from error
    return keys
