"""How figures, days and people are written on a page. Pure; whole-number arithmetic only."""

from datetime import date, datetime

from shop.core.clock import SHANGHAI
from shop.core.money import half_up

NOTHING = "—"
_MINUS = "−"
_FEN_PER_HUNDREDTH_WAN = 10_000


def yuan(fen: int | None) -> str:
    """Whole fen as yuan: 1250 → ``¥12.50``, −123456789 → ``−¥1,234,567.89``; None → ``—``."""
    if fen is None:
        return NOTHING
    whole, cents = divmod(abs(fen), 100)
    return f"{_MINUS if fen < 0 else ''}¥{whole:,}.{cents:02}"


def wan(fen: int | None, *, unit: bool = True) -> str:
    """Whole fen as 万元 with two decimals, rounded half-up by itself; negatives mirror positives.

    123_455_000 fen → ``123.46 万元``. unit=False leaves the unit out, for columns that name it. None → ``—``.
    """
    if fen is None:
        return NOTHING
    hundredths = half_up(fen, _FEN_PER_HUNDREDTH_WAN)
    whole, rest = divmod(abs(hundredths), 100)
    figure = f"{_MINUS if hundredths < 0 else ''}{whole:,}.{rest:02}"
    return f"{figure} 万元" if unit else figure


def grams(weight_grams: int | None, *, lang: str = "zh") -> str:
    """Grams as people say them: 500 → ``500 克``, 2500 → ``2.5 千克``; every gram is kept. None → ``—``."""
    if weight_grams is None:
        return NOTHING
    gram, kilogram = ("g", "kg") if lang == "en" else ("克", "千克")
    sign, size = _MINUS if weight_grams < 0 else "", abs(weight_grams)
    if size < 1000:
        return f"{sign}{size} {gram}"
    whole, rest = divmod(size, 1000)
    decimals = f".{rest:03}".rstrip("0") if rest else ""
    return f"{sign}{whole:,}{decimals} {kilogram}"


def percent(basis_points: int | None) -> str:
    """Basis points as a percentage: 14094 → ``140.94%``; None (no target) → ``—``."""
    if basis_points is None:
        return NOTHING
    whole, hundredths = divmod(abs(basis_points), 100)
    return f"{_MINUS if basis_points < 0 else ''}{whole:,}.{hundredths:02}%"


def day(when: date | None, *, lang: str = "zh") -> str:
    """A business day: ``2026年11月22日`` or ``22 Nov 2026``; a moment is first taken to Shanghai. None → ``—``."""
    if when is None:
        return NOTHING
    if isinstance(when, datetime):
        when = _in_shanghai(when)
    if lang == "en":
        return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"
    return f"{when.year}年{when.month}月{when.day}日"


def moment(when: datetime | None, *, lang: str = "zh") -> str:
    """A moment on Shanghai's clock: ``2026年11月22日 14:05``; None → ``—``. Raises ValueError without a time zone."""
    if when is None:
        return NOTHING
    local = _in_shanghai(when)
    return f"{day(local.date(), lang=lang)} {local.hour:02}:{local.minute:02}"


def masked_phone(phone: str | None) -> str:
    """``13812341234`` → ``138****1234``; too short a number shows no digit at all. None or blank → ``—``."""
    kept = "".join(letter for letter in phone or "" if letter.isdigit())
    if not kept:
        return NOTHING
    kept = kept.removeprefix("86") if len(kept) == 13 else kept
    return f"{kept[:3]}****{kept[-4:]}" if len(kept) >= 10 else "****"


def masked_email(email: str | None) -> str:
    """``ada@example.com`` → ``a***@example.com``. None or blank → ``—``."""
    mailbox, at, host = (email or "").strip().rpartition("@")
    return f"{mailbox[:1]}***{at}{host}" if mailbox else NOTHING


def masked_name(name: str | None) -> str:
    """``张三丰`` → ``张*``: the length of the name stays private too. None or blank → ``—``."""
    kept = (name or "").strip()
    return f"{kept[0]}*" if kept else NOTHING


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _in_shanghai(when: datetime) -> datetime:
    if when.tzinfo is None:
        raise ValueError("a moment on a page needs a time zone")
    return when.astimezone(SHANGHAI)
