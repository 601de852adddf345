"""What people type about themselves, checked and brought into one form."""

import re
from typing import Final

import phonenumbers

from shop.core.errors import Detail, Invalid

# Signs that have a meaning where addresses are written in a row stand in none of ours.
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\ud800-\udfff,;:<>()\[\]\\\"]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")
_NAME_LENGTH_MAX: Final = 40
_CHINA: Final = 86


class BadContact(Invalid):
    code = "contact_invalid"
    title = "联系方式有误"


def checked_email(email: str) -> str:
    """Trimmed and in lower case. Raises BadContact."""
    kept = email.strip().lower()
    if len(kept) > 254 or not _EMAIL.fullmatch(kept):
        raise _bad("email", "请填写完整的邮箱，例如 name@example.com。")
    return kept


def checked_name(name: str, pointer: str = "name") -> str:
    """Raises BadContact."""
    kept = name.strip()
    if not kept or len(kept) > _NAME_LENGTH_MAX or not kept.isprintable():
        raise _bad(pointer, f"请填写姓名，不超过 {_NAME_LENGTH_MAX} 个字。")
    return kept


def checked_phone(phone: str, pointer: str = "phone") -> str:
    """A Chinese number as its national digits, any other as +E.164. Raises BadContact."""
    try:
        parsed = phonenumbers.parse(phone[:40], "CN")
    except phonenumbers.NumberParseException as error:
        raise _bad(pointer, "请填写 11 位手机号，境外号码以 + 和国家代码开头。") from error
    if not phonenumbers.is_valid_number(parsed):
        raise _bad(pointer, "这个电话号码不存在，请核对后重填。")
    if parsed.country_code == _CHINA:
        return phonenumbers.national_significant_number(parsed)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _bad(pointer: str, detail: str) -> BadContact:
    return BadContact(detail, [Detail(f"/{pointer}", BadContact.code, detail)])
