"""The address that a wrong password counts against. Behind a proxy that nobody named strangers share one: then it is
counted against none, so that no stranger keeps others out, and the operator is told.
"""

from typing import Annotated, Final

from fastapi import Depends, Request

from shop.access.address import own_address_of, proxy_of
from shop.access.security_event import Refusals, SecurityKind, note_security
from shop.core import clock, telemetry
from shop.core.requests import TheDatabase, TheSettings

_TOLD: Final = Refusals(once_in_s=3600)


async def own_address(request: Request, database: TheDatabase, settings: TheSettings) -> str | None:
    """None: several may share it. In production that is always a proxy's, since the shop itself speaks no TLS: one that
    TRUSTED_PROXIES does not name, or one that it names and that does not say who calls.
    """
    address = own_address_of(request)
    if address is None and settings.production:
        telemetry.UNKNOWN_PROXY.inc()
        proxy = proxy_of(request)
        kind: SecurityKind = "proxy_silent" if settings.trusts(proxy) else "proxy_unknown"
        if _TOLD.is_news(proxy, kind):
            await note_security(database, kind, subject=f"proxy:{proxy}", now=clock.now())
    return address


OwnAddress = Annotated[str | None, Depends(own_address)]
