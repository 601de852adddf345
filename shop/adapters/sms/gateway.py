"""What the shop asks of whoever carries its SMS."""

from dataclasses import dataclass


class SmsUnavailable(Exception):  # it says what happened
    """Not taken now: no answer, trouble of the gateway's, or it does not let us in. The same SMS may be sent again."""


class SmsRefused(Exception):
    """Never taken: the gateway says that there is no such number, or that it does not want this text."""


@dataclass(frozen=True, slots=True)
class Sms:
    """message_id: the same each time the same SMS is sent. to: a Chinese number's digits, any other as +E.164."""

    message_id: str
    to: str
    text: str
