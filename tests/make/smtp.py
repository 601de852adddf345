"""A mail server on a real socket: it keeps what it takes, and can be told to be difficult."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "shop@mail.test", "mail p@ss/word"


@dataclass
class MailBox:
    """refusals: answers to RCPT by receiver. unwell: every connection is turned away. greet: the greeting waits for it;
    answer: mail is kept, and the answer to it waits.
    """

    tls: ssl.SSLContext | None = None
    taken: list[bytes] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    unwell: bool = False
    asks_password: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    knocked: asyncio.Event = field(default_factory=asyncio.Event)
    greet: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    signed_in: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self.greet.set()
        self.answer.set()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}/?from=%E5%B8%AE%E6%89%B6%E5%95%86%E5%9F%8E%20<no-reply@shop.test>"

    @property
    def letters(self) -> list[EmailMessage]:
        read = [message_from_bytes(raw, policy=policy.default) for raw in self.taken]
        assert all(isinstance(one, EmailMessage) for one in read)
        return read  # type: ignore[return-value]

    def letter_to(self, address: str) -> EmailMessage:
        """The newest one."""
        return next(one for one in reversed(self.letters) if one["To"] == address)


class _Talk:
    """One connection."""

    def __init__(self, box: MailBox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.box, self.reader, self.writer = box, reader, writer
        self.receivers: list[str] = []
        self.secure = False

    async def say(self, line: str) -> None:
        self.writer.write(line.encode() + b"\r\n")
        await self.writer.drain()

    async def go(self) -> None:
        self.box.connections += 1
        self.box.knocked.set()
        await self.box.greet.wait()
        if self.box.unwell:
            await self.say("421 not today")
            return
        await self.say("220 mail.test")
        while line := (await self.reader.readline()).decode().rstrip():
            verb = line.split()[0].upper()
            if verb == "QUIT":
                await self.say("221 bye")
                return
            await getattr(self, f"on_{verb.lower()}")(line)

    async def on_ehlo(self, _: str) -> None:
        more = ["STARTTLS"] if self.box.tls and not self.secure else []
        more += ["AUTH PLAIN"] if self.box.asks_password else []
        lines = ["mail.test", "8BITMIME", "SMTPUTF8", *more]
        for line in lines[:-1]:
            await self.say(f"250-{line}")
        await self.say(f"250 {lines[-1]}")

    async def on_starttls(self, _: str) -> None:
        await self.say("220 go on")
        await self.writer.start_tls(self.box.tls)  # type: ignore[arg-type]
        self.secure = True

    async def on_auth(self, line: str) -> None:
        _, user, password = b64decode(line.split()[2]).decode().split("\0")
        self.box.signed_in.append((user, password))
        await self.say("235 welcome" if (user, password) == (USER, PASSWORD) else "535 wrong")

    async def on_mail(self, _: str) -> None:
        self.receivers = []
        await self.say("250 ok")

    async def on_rcpt(self, line: str) -> None:
        receiver = line.split("<")[1].split(">", maxsplit=1)[0]
        refusal = self.box.refusals.get(receiver)
        if refusal is None:
            self.receivers.append(receiver)
        await self.say(refusal or "250 ok")

    async def on_rset(self, _: str) -> None:
        await self.say("250 ok")

    async def on_data(self, _: str) -> None:
        await self.say("354 go on")
        written = b""
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                return
            written += line[1:] if line.startswith(b"..") else line
        self.box.taken.append(written)
        self.box.receivers += self.receivers
        self.box.arrived.set()
        await self.box.answer.wait()
        await self.say("250 taken")


@asynccontextmanager
async def mail_server(*, tls: ssl.SSLContext | None = None, wrapped: bool = False) -> AsyncIterator[MailBox]:
    """tls: offered by STARTTLS; wrapped: spoken from the first byte on."""
    box = MailBox(tls=None if wrapped else tls)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
            await _Talk(box, reader, writer).go()
        with suppress(Exception):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls if wrapped else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        box.greet.set()
        box.answer.set()
        server.close_clients() if hasattr(server, "close_clients") else None
        await asyncio.sleep(0)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side for localhost and 127.0.0.1, and the certificate to be trusted by whoever is to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test (invented)")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, both = folder / "trusted.pem", folder / "server.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, trusted
