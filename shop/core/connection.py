"""What is asked of every new connection, and how long its server may be silent.

A server that was cut off, or stopped without closing, never answers and never says so. Who asks as long as this leaves,
and its other connections with him: whoever asks next reaches the server that has taken over.
"""

import socket
from typing import Any, Final

import asyncpg

from shop.core.commit_number import refuse_another_cluster

CONNECT_SECONDS: Final = 5.0
WEB_SECONDS: Final = 20.0
"""No statement of a page or a call takes longer; somebody waits for it."""
WORK_SECONDS: Final = 600.0
"""Of workers and commands: figures over years. A host that is gone is noticed by its silence below."""
POOL_SECONDS: Final = 8.0
"""For a free connection; then the shop is too busy, and says so."""
_SILENT: Final = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
"""Seconds, and milliseconds of the last: 25 s after its last word a host is taken for gone."""


async def begin(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Raises AnotherCluster."""
    _notice_silence(connection._transport.get_extra_info("socket"))  # type: ignore[attr-defined]  # noqa: SLF001  # no public way
    await refuse_another_cluster(connection)


def _notice_silence(opened: Any) -> None:
    if opened.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SILENT.items():
        if hasattr(socket, name):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
