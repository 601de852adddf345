"""Addresses of databases, with the parameters that libpq's users know (`?sslmode=verify-full&sslrootcert=ca.pem`)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SESSION_ATTRS: Final = ("any", "primary", "standby", "read-write", "read-only")
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


def hosts_of(url: str) -> list[tuple[str, int | None]]:
    """Each host with its port, in order, however they are written: `@db1:5432/`, `?host=db1:5432&host=db2:5432`,
    `?host=db1,db2&port=5432,5433`, `?host=/run/postgresql`. Empty: the driver's own choice.
    """
    address = make_url(url)
    hosts, ports = (_each(address.query.get(name, ())) for name in ("host", "port"))
    hosts = hosts or ([address.host] if address.host else [])
    usual: list[int | None] = [int(one) for one in ports if one.isdigit()] or [address.port]
    found: list[tuple[str, int | None]] = []
    for place, host in enumerate(hosts):
        name, _, port = ("", "", "") if host.startswith("/") else host.rpartition(":")
        own = bool(name) and port.isdigit() and (":" not in name or name.startswith("["))
        found.append(((name if own else host).strip("[]"), int(port) if own else usual[min(place, len(usual) - 1)]))
    return found


def driver_urls(url: str) -> list[str]:
    """The same address as the driver spells it, one for each host. `ssl`, the toolkit's name, is libpq's `sslmode`."""
    address = _spelt(url).set(drivername="postgresql")
    bare = address.difference_update_query(["host", "port"])
    found = []
    for host, port in hosts_of(url):
        if host.startswith("/"):
            one = bare.set(port=None).update_query_dict({"host": host} | ({"port": str(port)} if port else {}))
        else:
            one = bare.set(host=host, port=port)
        found.append(one)
    return [one.render_as_string(hide_password=False) for one in found or [address]]


def _each(written: str | tuple[str, ...]) -> list[str]:
    return [one for part in ([written] if isinstance(written, str) else written) for one in part.split(",") if one]


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
    if address.get_backend_name() != "postgresql":
        yield "is no address of PostgreSQL (postgresql+asyncpg://user:password@host:5432/database)"
        return
    if address.query.get("target_session_attrs", "any") not in SESSION_ATTRS:
        yield f"target_session_attrs is one of {', '.join(SESSION_ATTRS)}"
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
