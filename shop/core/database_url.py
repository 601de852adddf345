"""Addresses of databases, with the parameters that libpq's users know (`?sslmode=verify-full&sslrootcert=ca.pem`)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FILES: Final = {"sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "sslcrl": "PGSSLCRL"}
_TOLD_TO_TOOLS: Final = _FILES | {
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "passfile": "PGPASSFILE",
    "application_name": "PGAPPNAME",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""libpq's variable for each parameter that the driver understands as libpq does."""
_KNOWN: Final = {"host", "port", *_TOLD_TO_TOOLS}


def driver_url(url: str) -> str:
    """The same address as the driver spells it. `ssl`, the toolkit's name, is libpq's `sslmode`."""
    return _spelt(url).set(drivername="postgresql").render_as_string(hide_password=False)


def for_tools(url: str) -> dict[str, str]:
    """The address's parameters as the environment of libpq's programs (pg_dump)."""
    query = _spelt(url).query
    return {name: str(query[one]) for one, name in _TOLD_TO_TOOLS.items() if one in query}


def wrong_with(url: str) -> Iterator[str]:
    """What is wrong with an address, without a word of what it holds."""
    try:
        address = _spelt(url)
    except (ArgumentError, ValueError):
        yield "is no address (postgresql+asyncpg://user:password@host:5432/database)"
        return
    if unknown := sorted(set(address.query) - _KNOWN):
        yield f"{', '.join(unknown)}: no parameter that the shop knows ({', '.join(sorted(_KNOWN))})"
    if address.query.get("sslmode", "prefer") not in SSL_MODES:
        yield f"sslmode is one of {', '.join(SSL_MODES)}"
    for name in sorted(_FILES.keys() & address.query.keys()):
        if not Path(str(address.query[name])).is_file():
            yield f"{name} names no file"


def _spelt(url: str) -> URL:
    address = make_url(url)
    query: dict[str, Any] = dict(address.query)
    if "ssl" in query:
        query.setdefault("sslmode", query.pop("ssl"))
    return address.set(query=query)
