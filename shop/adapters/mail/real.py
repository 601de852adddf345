"""Mail by SMTP, over verified TLS, on one connection for as long as it lasts."""

import ssl
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as LINES
from email.utils import parseaddr
from types import TracebackType
from typing import Final, Self

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
)

from shop.adapters.mail.mailer import Mail, MailRefused, MailUnavailable
from shop.adapters.mail.server import MailServer
from shop.core import clock

TIMEOUT_SECONDS: Final = 15.0
"""For the connection, and for each answer of the server."""
GOODBYE_SECONDS: Final = 2.0
_FOR_GOOD: Final = 500


class SmtpMailer:
    """To be closed; no call may stand inside a database transaction. Nothing connects before something is sent; after
    any trouble the next mail connects anew.
    """

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._connection: SMTP | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SMTPException, OSError):
                await connection.quit(timeout=GOODBYE_SECONDS)
            connection.close()

    async def send(self, mail: Mail) -> None:
        """Returns when the server has taken it. Raises MailUnavailable, MailRefused."""
        if not mail.to or parseaddr(mail.to)[1] != mail.to:
            raise MailRefused("address_not_one")
        written = letter(mail, self._server.sender, now=clock.wall())
        sender = parseaddr(self._server.sender)[1]
        try:
            connection = await self._connected()
            await connection.send_message(written, sender=sender, recipients=[mail.to])
        except BaseException as trouble:  # cut short, too: nobody writes on this connection again
            self._part()
            ours = _as_ours(trouble)
            if ours is None:
                raise
            raise ours from trouble

    async def _connected(self) -> SMTP:
        if self._connection is not None and self._connection.is_connected:
            return self._connection
        server = self._server
        self._connection = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=None if server.tls == "none" else ssl.create_default_context(),
            timeout=TIMEOUT_SECONDS,
        )
        await self._connection.connect()
        return self._connection

    def _part(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def letter(mail: Mail, sender: str, *, now: datetime) -> EmailMessage:
    """Plain text, and a word to other machines that no person answers."""
    made = EmailMessage(policy=LINES)
    name, address = parseaddr(sender)
    made["From"] = Address(display_name=name, addr_spec=address)
    made["To"] = mail.to
    made["Subject"] = mail.subject
    made["Message-ID"] = mail.message_id
    made["Date"] = now
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(mail.text)
    return made


def _as_ours(trouble: BaseException) -> MailRefused | MailUnavailable | None:
    """What the server says of the receiver or of this mail is for good; what it says of us an operator mends."""
    match trouble:
        case SMTPRecipientsRefused():
            return _by_code("receiver", trouble.recipients[0].code)
        case SMTPDataError():
            return _by_code("data", trouble.code)
        case SMTPNotSupported():  # an address in letters that this server cannot write
            return MailRefused("address_not_supported")
        case SMTPException() | OSError() | ValueError():
            return MailUnavailable(type(trouble).__name__)
        case _:
            return None


def _by_code(of: str, code: int) -> MailRefused | MailUnavailable:
    kind = MailRefused if code >= _FOR_GOOD else MailUnavailable
    return kind(f"{of}_{code}")
