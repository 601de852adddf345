"""Which account of ours a row of the bank is of: a keyed digest, or of a masked one its last digits at that desk."""

import hmac
import re
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

from shop.core.keys import Keys
from shop.sheet.value import half_width, plain

_NUMBER: Final = r"[0-9]{4}(?:[ -][0-9]{4}){2,6}(?:[ -][0-9]{1,4})?|[0-9]{6,32}|[0-9]{2,10} ?[*xX•]{2,24} ?[0-9]{3,4}"
_STATED: Final = re.compile(
    rf"(?P<other>(?:对方|对手|收款|付款|往来)[ \u4e00-\u9fff]{{0,6}}?)?"
    rf"(?:账号|帐号|账户号?|卡号|支付宝账户)[:：,]?\s*[\[【(（]?\s*(?P<number>{_NUMBER})(?![0-9*])"
)
_MASK: Final = re.compile(r"[*•]|(?<=[0-9])[xX]{2,}(?=[0-9])")


class OwnAccount(NamedTuple):
    """key: what names the account among rows; last4: its last four signs; None: the file does not say them."""

    key: str
    last4: str | None


def account_digest(keys: Keys, account: str) -> str | None:
    """A keyed digest: the same account is known again for years, and nobody can read or guess it."""
    digits = plain(account)
    return hmac.digest(keys.accounts, digits.encode(), sha256).hex() if digits else None


def account_stated(text: str) -> str:
    """The own account that a line states, such as 账号：1001… or 账号,[6222 0000 …] or 账号：6222****1111, else "".
    Never that of the other side (查询条件：对方账号：6222…). Blanks, hyphens and brackets are taken off.
    """
    found = (one["number"] for one in _STATED.finditer(half_width(text)) if not one["other"])
    return next(found, "").replace(" ", "").replace("-", "")


def own_account(keys: Keys, written: str, desk_id: UUID | None) -> OwnAccount:
    """written: as the file says it, "" where it does not. A masked account tells two of one desk apart, and is the
    same as a whole one with its last digits.
    """
    number = plain(written).replace("-", "")
    tail = _MASK.split(number)[-1][-4:]
    last4 = tail if len(tail) == 4 else None
    if tail and not _MASK.search(number):
        return OwnAccount(account_digest(keys, number) or "", last4)
    at = f"desk:{desk_id or 'shop'}"
    return OwnAccount(f"{at}:{last4}" if last4 else at, last4)
