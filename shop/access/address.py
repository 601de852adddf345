"""Where a caller is: the one place that says it. Limits count by it; it is neither logged nor stored."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from starlette.requests import HTTPConnection


def address_of(caller: HTTPConnection) -> str:
    """The caller's address as limits count it: an IPv6 one as its /64, which is one household or office.

    The server has put the address that a proxy of TRUSTED_PROXIES names in the place of the proxy's own, and believes
    nobody else's headers (shop/core/server.py).
    """
    return counted(caller.client.host) if caller.client else "unknown"


def counted(host: str) -> str:
    """What a proxy wrote that is no address stays what it is."""
    try:
        address: IPv4Address | IPv6Address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))
