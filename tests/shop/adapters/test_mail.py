"""Mail over real sockets: verified TLS or none, the password only inside of it, and who is to blame for a refusal."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from shop.adapters.mail.mailer import Mail, MailRefused, MailUnavailable
from shop.adapters.mail.real import SmtpMailer
from shop.adapters.mail.server import mail_server as server_of
from tests.make.smtp import PASSWORD, USER, MailBox, certificate, mail_server

pytestmark = pytest.mark.anyio

MAIL = Mail("<1@bangfu.message>", "虚构@example.test", "标题 · 帮扶商城", "您好：\n\n.一行以点开头\n")


async def send(url: str, mail: Mail = MAIL) -> None:
    async with SmtpMailer(server_of(url)) as mailer:
        await mailer.send(mail)


def url(scheme: str, box: MailBox, *, password: str = PASSWORD) -> str:
    who = f"{quote(USER, safe='')}:{quote(password, safe='')}@"
    return f"{scheme}://{who}127.0.0.1:{box.port}/?from=no-reply@shop.test"


@pytest.fixture(params=["smtp+starttls", "smtps"])
async def secure(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, MailBox, Path]]:
    context, trusted = certificate(tmp_path)
    async with mail_server(tls=context, wrapped=request.param == "smtps") as box:
        box.asks_password = True
        yield request.param, box, trusted


async def test_over_tls_with_a_password(secure: tuple[str, MailBox, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    scheme, box, trusted = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    await send(url(scheme, box))
    (letter,) = box.letters
    assert box.signed_in == [(USER, PASSWORD)]
    assert (letter["To"], letter["Subject"], letter["Message-ID"]) == (MAIL.to, MAIL.subject, MAIL.message_id)
    assert letter.get_content().splitlines() == MAIL.text.splitlines()
    assert letter["Date"].datetime.tzinfo is not None


async def test_a_server_that_nobody_vouches_for_gets_neither_password_nor_mail(
    secure: tuple[str, MailBox, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, box, _ = secure
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(MailUnavailable):
        await send(url(scheme, box))
    assert (box.signed_in, box.taken) == ([], [])


async def test_a_server_without_tls_is_told_nothing(tmp_path: Path) -> None:
    async with mail_server() as box:
        box.asks_password = True
        with pytest.raises(MailUnavailable):
            await send(url("smtp+starttls", box))
    assert (box.signed_in, box.taken) == ([], [])


async def test_a_wrong_password_is_the_operators_to_mend(
    secure: tuple[str, MailBox, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, box, trusted = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with pytest.raises(MailUnavailable, match="SMTPAuthenticationError"):
        await send(url(scheme, box, password="wrong"))
    assert box.taken == []


@pytest.mark.parametrize(("said", "trouble"), [("550 nobody", MailRefused), ("451 later", MailUnavailable)])
async def test_a_receiver_is_refused_for_good_or_for_now(said: str, trouble: type[Exception]) -> None:
    async with mail_server() as box:
        box.refusals[MAIL.to] = said
        async with SmtpMailer(server_of(box.url)) as mailer:
            with pytest.raises(trouble, match=f"receiver_{said[:3]}"):
                await mailer.send(MAIL)
            await mailer.send(Mail("<2@bangfu.message>", "ada@example.test", "标题", "正文"))
    assert box.receivers == ["ada@example.test"], "the next one is sent all the same"


async def test_two_mails_go_by_one_connection() -> None:
    async with mail_server() as box:
        async with SmtpMailer(server_of(box.url)) as mailer:
            for number in (1, 2):
                await mailer.send(Mail(f"<{number}@bangfu.message>", "ada@example.test", "标题", "正文"))
        assert (box.connections, len(box.taken)) == (1, 2)


@pytest.mark.parametrize("to", ["root,ada@example.test", "ada <root>", "ada@example.test, bob@example.test", ""])
async def test_what_is_not_one_address_is_sent_to_nobody(to: str) -> None:
    async with mail_server() as box:
        with pytest.raises(MailRefused):
            await send(box.url, Mail("<1@bangfu.message>", to, "标题", "正文"))
    assert box.receivers == []


async def test_nobody_there() -> None:
    async with mail_server() as box:
        gone = box.url
    with pytest.raises(MailUnavailable):
        await send(gone)


async def test_an_address_as_an_operator_writes_it() -> None:
    read = server_of("smtp+starttls://shop%40mail.test:p%2Fw@mail.example.com/?from=shop+no-reply@example.com")
    assert (read.host, read.port, read.tls) == ("mail.example.com", 587, "starttls")
    assert (read.user, read.password, read.sender) == ("shop@mail.test", "p/w", "shop+no-reply@example.com")
    assert server_of("smtps://mail.example.com/?from=a@b.cn").port == 465


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("smtp://mail.example.com/?from=a@b.cn", "only to this machine"),
        ("http://mail.example.com/?from=a@b.cn", "begins with"),
        ("smtps://mail.example.com/", "from="),
        ("smtps:///?from=a@b.cn", "begins with"),
        ("smtps://user:geheim@mail.example.com:port/?from=a@b.cn", "no address"),
        ("smtps://user:geheim@mail.example.com/?from=a@b.cn%0ABcc:c@d.cn", "from="),
    ],
)
async def test_an_address_that_cannot_be_used_says_why_without_the_password(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        server_of(written)
    assert "geheim" not in str(refused.value)
