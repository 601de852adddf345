"""The address that a wrong password counts against. Behind a proxy that nobody named strangers share one: then it is
counted against none, so that no stranger keeps others out, and the operator is told.
"""

from typing import Annotated, Final

from fastapi import Depends, Request

from shop.access.address import own_address_of, peer_of
from shop.access.security_event import Refusals, note_security
from shop.core import clock, telemetry
from shop.core.requests import TheDatabase, TheSettings

_TOLD: Final = Refusals(once_in_s=3600)


async def own_address(request: Request, database: TheDatabase, settings: TheSettings) -> str | None:
    """None: several may share it. In production that is always a proxy, since the shop itself speaks no TLS."""
    address = own_address_of(request)
    if address is None and settings.production:
        telemetry.UNKNOWN_PROXY.inc()
        subject = f"proxy:{peer_of(request)}"
        if _TOLD.is_news(subject, "proxy_unknown"):
            await note_security(database, "proxy_unknown", subject=subject, now=clock.now())
    return address


OwnAddress = Annotated[str | None, Depends(own_address)]
