"""What the shop asks of whoever carries its mail."""

from dataclasses import dataclass


class MailUnavailable(Exception):  # it says what happened
    """Not taken now: no answer, trouble of the server's, or it does not let us in. The same mail may be sent again."""


class MailRefused(Exception):
    """Never taken: the server says that there is no such receiver, or that it does not want this mail."""


@dataclass(frozen=True, slots=True)
class Mail:
    """message_id: `<…@…>`, the same each time the same mail is sent."""

    message_id: str
    to: str
    subject: str
    text: str
