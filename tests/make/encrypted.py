"""PostgreSQL behind TLS: the throwaway server has none of its own, so its door is kept by us."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_ASKS_FOR_TLS = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


class Door:
    """plain: whether who does not ask for TLS gets in. secret, open: how many came in so, and so."""

    def __init__(self, server: Path, tls: ssl.SSLContext | None, *, plain: bool) -> None:
        self.server, self.tls, self.plain = server, tls, plain
        self.secret = self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(8)
            encrypted = first == _ASKS_FOR_TLS and self.tls is not None
            if first == _ASKS_FOR_TLS:
                writer.write(b"S" if encrypted else b"N")
                if self.tls is not None:
                    await writer.start_tls(self.tls)
                first = await reader.readexactly(8)
            if encrypted or self.plain:
                self.secret += encrypted
                self.open += not encrypted
                there, back = await asyncio.open_unix_connection(str(self.server / ".s.PGSQL.5432"))
                back.write(first)
                await asyncio.gather(_pass(reader, back), _pass(there, writer))
        writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def door(server: Path, tls: ssl.SSLContext | None, *, plain: bool = False) -> AsyncIterator[tuple[Door, int]]:
    """On every address of this machine's own; with its port."""
    made = Door(server, tls, plain=plain)
    listening = await asyncio.start_server(made.serve, "0.0.0.0", 0)  # noqa: S104  # 127.0.0.2 is to be another name
    yield made, listening.sockets[0].getsockname()[1]
    listening.close()
