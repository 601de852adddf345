"""Who carries messages: what the settings name; else in development a table, in production nobody."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from shop.adapters.mail.mailer import Mail
from shop.adapters.mail.real import SmtpMailer
from shop.adapters.mail.server import mail_server
from shop.adapters.sandbox_messages import SandboxMessages
from shop.adapters.sms.gateway import Sms
from shop.adapters.sms.real import HttpSms, sms_url
from shop.core.database import Database
from shop.core.settings import AddressWrong, Settings
from shop.messages.wording import Composed

Send = Callable[[str, str, Composed], Awaitable[None]]
"""Message-ID, receiver, words. Returns when they are taken; raises MailUnavailable, MailRefused and the like."""


def check_addresses(settings: Settings) -> None:
    """Whether MAIL_URL and SMS_URL can be read. Raises AddressWrong."""
    try:
        if settings.mail_url:
            mail_server(settings.mail_url)
        if settings.sms_url:
            sms_url(settings.sms_url)
    except ValueError as wrong:
        raise AddressWrong(str(wrong)) from None  # it would hold the password


def carried(settings: Settings) -> list[str]:
    """Channels that somebody carries; messages of any other wait."""
    named = {"mail": settings.mail_url, "sms": settings.sms_url}
    return [channel for channel, url in named.items() if url or not settings.production]


@asynccontextmanager
async def open_sender(channel: str, settings: Settings, database: Database) -> AsyncIterator[Send]:
    """Of a carried channel. Nothing connects before something is sent. Raises ValueError on an address that cannot be
    read.
    """
    if channel == "mail" and settings.mail_url:
        async with SmtpMailer(mail_server(settings.mail_url)) as mailer:
            yield lambda key, to, said: mailer.send(Mail(key, to, said.subject, said.text))
    elif channel == "sms" and settings.sms_url:
        async with HttpSms(settings.sms_url) as gateway:
            yield lambda key, to, said: gateway.send(Sms(key, to, said.text))
    else:
        sandbox = SandboxMessages(database)
        yield lambda key, to, said: sandbox.keep(channel, key, to, said.subject, said.text)
