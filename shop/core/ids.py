"""Identifiers that sort by time."""

from uuid import UUID, uuid5

import uuid_utils

NAMESPACE = UUID("6f1d5c0e-5d0b-4a53-9a4c-0f1c2b7a9e10")


def new_id() -> UUID:
    """A UUIDv7: made here, so that any PostgreSQL will do, and sorted by time, so that indexes stay dense."""
    return UUID(int=uuid_utils.uuid7().int)


def derived_id(*key: object) -> UUID:
    """The same id for the same natural key, on every machine: what is loaded twice is one row."""
    return uuid5(NAMESPACE, "\x1f".join(map(str, key)))
