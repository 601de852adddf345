"""Many rows in one statement: a set of facts travels as one JSON document that `jsonb_to_recordset` opens."""

from collections.abc import Iterable

import msgspec


def as_rows(facts: Iterable[object]) -> str:
    """Dataclasses or dicts as the bind parameter of `jsonb_to_recordset(CAST(:rows AS jsonb))`.

    Each row carries its `index`, from 0, so that a statement can say which one it refused.
    """
    return msgspec.json.encode([msgspec.to_builtins(fact) | {"index": i} for i, fact in enumerate(facts)]).decode()
