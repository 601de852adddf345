"""SMS over a real socket."""

from base64 import b64decode

import pytest

from shop.adapters.sms.gateway import Sms, SmsRefused, SmsUnavailable
from shop.adapters.sms.real import HttpSms
from tests.make.gateway import gateway

pytestmark = pytest.mark.anyio

SMS = Sms("<1@bangfu.message>", "13800138000", "【帮扶商城】验证码 123456")


async def test_it_arrives_with_a_key_by_which_a_second_copy_is_known() -> None:
    with gateway() as there:
        async with HttpSms(there.url) as sms:
            await sms.send(SMS)
        assert there.taken == [{"id": SMS.message_id, "to": SMS.to, "text": SMS.text}]
        (headers,) = there.headers
    assert headers["idempotency-key"] == SMS.message_id
    assert b64decode(headers["authorization"].removeprefix("Basic ")) == b"shop:key"
    assert headers["path"] == "/send"


@pytest.mark.parametrize(
    ("status", "trouble"),
    [(400, SmsRefused), (422, SmsRefused), (401, SmsUnavailable), (404, SmsUnavailable), (429, SmsUnavailable),
     (302, SmsUnavailable), (500, SmsUnavailable), (503, SmsUnavailable)],
)  # fmt: skip
async def test_who_is_to_blame(status: int, trouble: type[Exception]) -> None:
    with gateway() as there:
        there.answers = [status]
        async with HttpSms(there.url) as sms:
            with pytest.raises(trouble, match=f"http_{status}"):
                await sms.send(SMS)
        assert len(there.headers) == 1, "the outbox tries again, not this call"


async def test_nobody_there() -> None:
    with gateway() as there:
        gone = there.url
    async with HttpSms(gone) as sms:
        with pytest.raises(SmsUnavailable):
            await sms.send(SMS)


@pytest.mark.parametrize("written", ["http://sms.example.com/", "ftp://sms.example.com", "sms", "https:///send"])
async def test_an_address_that_cannot_be_used(written: str) -> None:
    with pytest.raises(ValueError, match="SMS_URL"):
        HttpSms(written)
