"""MAIL_URL: which server, how it is reached, and who writes."""

from dataclasses import dataclass
from email.utils import parseaddr
from typing import Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class MailServer:
    """sender: an address, with a name before it if one was given."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"]
    user: str | None
    password: str | None
    sender: str


def mail_server(url: str) -> MailServer:
    """`smtp+starttls://user:password@host:587/?from=shop@example.com` or `smtps://…:465/`; plain `smtp://` only to this
    machine. A sign that has a meaning in addresses is written as %40. Raises ValueError, without the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("MAIL_URL is no address") from error
    sender = parse_qs(parts.query.replace("+", "%2B")).get("from", [""])[0]  # a mailbox may have a plus in it
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("MAIL_URL begins with smtp+starttls://host, smtps://host, or smtp://localhost")
    if "@" not in parseaddr(sender)[1] or not sender.isprintable():
        raise ValueError("MAIL_URL ends with /?from= and the address that the shop writes from")
    if parts.scheme == "smtp" and parts.hostname not in _THIS_MACHINE:
        raise ValueError("MAIL_URL: plain smtp:// only to this machine; use smtp+starttls:// or smtps://")
    return MailServer(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls="tls" if parts.scheme == "smtps" else "starttls" if parts.scheme == "smtp+starttls" else "none",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=sender,
    )
