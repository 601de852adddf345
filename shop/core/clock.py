"""The only clock. Business days are days in Asia/Shanghai on any server."""

from datetime import UTC, date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991

_ahead = timedelta(0)


def now() -> datetime:
    """The shop's time: what every stamp and every rule uses. Development may set it (`PUT /sandbox/clock`)."""
    return wall() + _ahead


def wall() -> datetime:
    """The machine's time, for what must not follow a set clock: sessions, tokens, signatures."""
    return datetime.now(UTC)


def set_ahead(ahead: timedelta) -> None:
    """Let the shop's time run `ahead` of the machine's; zero releases it."""
    global _ahead  # noqa: PLW0603  # one clock a process is the point
    _ahead = ahead


def ahead() -> timedelta:
    return _ahead


def business_day(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()


def today() -> date:
    return business_day(now())


def month_of(day: date) -> int:
    """202611 for any day of November 2026: the accounting month as a number."""
    return day.year * 100 + day.month


def add_months(month: int, count: int) -> int:
    index = month // 100 * 12 + month % 100 - 1 + count
    return index // 12 * 100 + index % 12 + 1


def first_of(month: int) -> date:
    """The first day of an accounting month."""
    return date(month // 100, month % 100, 1)
