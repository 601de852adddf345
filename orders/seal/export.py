"""The sealed ledger as a file for a stranger's checker: the keys, each seal with its signature, its entries' lines.

Of events only the root is in the header: they say what people did, and stay in the house.
"""

from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import text

from orders.seal.canonical import canonical
from orders.seal.header import header_of
from orders.seal.key_list import listed_keys
from orders.seal.leaf import LINE, STYLE
from shop.core.database import Database

FIRST_LINE: Final = b"bangfu-ledger 2\n"
_SEALS = text("SELECT * FROM seal ORDER BY number")
_LINES = f"""
SELECT encode(m.leaf, 'hex'), {LINE}
FROM seal_member m JOIN credit_entry e ON e.period_month = m.period_month AND e.id = m.entry_id
WHERE m.seal_number = $1 ORDER BY m.position
"""  # noqa: S608  # only our own column names are put in


async def export(database: Database) -> AsyncIterator[bytes]:
    """Chunks of the file, one seal after the other; no names or phones are in it, persons are random numbers.

    `key`, TAB, what is signed as canonical JSON, TAB, its own signature, TAB, that of the key before it, for each key;
    `seal`, TAB, header as canonical JSON, TAB, signature; then for each entry: leaf in hex, TAB, its COPY line.
    """
    yield FIRST_LINE
    async with database.snapshot() as session:
        for style in STYLE:
            await session.execute(text(style))
        for key in await listed_keys(session):
            signatures = f"\t{key.signed_by_itself}\t{key.signed_by_previous}\n"
            yield b"key\t" + canonical(key.said) + signatures.encode()
        for seal in (await session.execute(_SEALS)).all():
            yield b"seal\t" + header_of(seal).written + b"\t" + seal.signature.encode() + b"\n"
            chunks: list[bytes] = []

            async def take(chunk: bytes, into: list[bytes] = chunks) -> None:
                into.append(chunk)

            driver = (await (await session.connection()).get_raw_connection()).driver_connection
            assert driver is not None  # noqa: S101  # the session has just used it
            await driver.copy_from_query(_LINES, seal.number, output=take)
            for chunk in chunks:
                yield chunk
