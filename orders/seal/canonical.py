"""One JSON value, one sequence of bytes: RFC 8785, for what our documents hold (no fractions: money is whole fen)."""

import json
from collections.abc import Mapping
from typing import Final

LARGEST: Final = 2**53 - 1
"""Whole numbers beyond it are not the same in every reader (RFC 7493)."""


def canonical(value: object) -> bytes:
    """UTF-8, no spaces, keys sorted by UTF-16 code units, strings escaped as little as may be.

    Raises TypeError for fractions and anything JSON does not know, ValueError for numbers beyond ±(2^53 − 1).
    """
    return _written(value).encode()


def _written(value: object) -> str:
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int():
            if abs(value) > LARGEST:
                raise ValueError("a number too large to be exact in every reader")
            return str(value)
        case Mapping():
            pairs = sorted(value.items(), key=lambda pair: str(pair[0]).encode("utf-16-be"))
            return "{" + ",".join(f"{_written(str(key))}:{_written(inner)}" for key, inner in pairs) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_written, value)) + "]"
    raise TypeError(f"{type(value).__name__} has no canonical form here")
