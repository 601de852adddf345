"""Where a caller is: the one place that says it. Limits count by it; neither logged nor stored, but a proxy's own."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.requests import HTTPConnection

_PRIVATE: Final = tuple(
    map(
        ip_network,
        ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "::1/128",
         "fc00::/7", "fe80::/10"),
    )
)  # fmt: skip
"""Who stands there is no stranger from outside by himself; it may be the proxy that all strangers come through."""


def address_of(caller: HTTPConnection) -> str:
    """The caller's address as limits count it: an IPv6 one as its /64, which is one household or office.

    The server has put the address that a proxy of TRUSTED_PROXIES names in the place of the proxy's own, and believes
    nobody else's headers (shop/core/server.py).
    """
    return counted(caller.client.host) if caller.client else "unknown"


def own_address_of(caller: HTTPConnection) -> str | None:
    """The same where it is one caller's. None where strangers may share it: a private address, loopback or a socket
    that no proxy of TRUSTED_PROXIES stands at, or where such a proxy did not say who calls, or named a private one
    that speaks for others.
    """
    address = _address(caller.client.host) if caller.client else None
    if address is None:
        return None
    told = "peer" in caller.scope and caller.scope["peer"] != caller.scope["client"]
    told = told and not _speaks_for_others(caller, address)
    shared = not told and any(address in network for network in _PRIVATE)
    return None if shared else counted(str(address))


def _speaks_for_others(caller: HTTPConnection, address: IPv4Address | IPv6Address) -> bool:
    """Behind a proxy that is named, another one that is not: it has written down who came to it."""
    first = caller.headers.get("x-forwarded-for", "").partition(",")[0].strip()
    host = first.rpartition(":")[0] if first.count(":") == 1 or first.endswith("]") else first
    return any(address in network for network in _PRIVATE) and _address(host.strip("[]")) != address


def proxy_of(caller: HTTPConnection) -> str:
    """Where `own_address_of` is None: whom strangers come through."""
    return str(_address(caller.client.host) or caller.client.host) if caller.client else "unknown"


def counted(host: str) -> str:
    """What a proxy wrote that is no address stays what it is."""
    address = _address(host)
    if address is None:
        return host
    return str(address) if isinstance(address, IPv4Address) else str(IPv6Network((int(address), 64), strict=False))


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address that is written as an IPv6 one is what it is."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
