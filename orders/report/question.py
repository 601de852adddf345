"""What is asked of the sales report. One reading for the API, the page and the command line."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal, cast, get_args
from uuid import UUID

from orders.credit.models import CREDIT_KINDS
from orders.funds.source import FUND_SOURCES
from shop.core.errors import Detail, Invalid, Problem

Key = Literal[
    "county", "province", "designation", "producer", "supplier", "category", "month", "quarter", "half_year", "year",
    "channel", "kind", "scope", "fund_source", "unit", "union", "campaign",
]  # fmt: skip
View = Literal["event_day", "sale_day"]
Scope = Literal["designated", "other_assisted", "emergency"]
KEYS: tuple[Key, ...] = get_args(Key)
SCOPES: tuple[Scope, ...] = get_args(Scope)
VIEWS: tuple[View, ...] = get_args(View)
FORMATS = ("json", "csv")
FORMATS_TO_COME = ("xlsx", "pdf")
KEYS_MAX = 6

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODE = re.compile(r"[a-z0-9_-]{1,40}")


class FormatNotAvailable(Problem):
    status = 422
    code = "format_not_available"
    title = "暂不支持这种格式"


@dataclass(frozen=True, slots=True)
class Question:
    """Business days [since, until); the filters are all of them at once, None asks for everything.

    unit None: the caller's top unit. kind is direct_purchase or assisted_sale; county a division code. known_at None:
    everything that is known now.
    """

    since: date
    until: date
    group_by: tuple[Key, ...] = ()
    kind: str | None = None
    scope: Scope | None = None
    channel: str | None = None
    fund_source: str | None = None
    unit: UUID | None = None
    county: str | None = None
    producer: UUID | None = None
    campaign: UUID | None = None
    view: View = "event_day"
    known_at: datetime | None = None
    format: str = "json"

    @property
    def filters(self) -> dict[str, str]:
        """What the figures are narrowed to: a report that says less than everything says so."""
        named = ("kind", "scope", "channel", "fund_source", "county", "producer", "campaign")
        return {name: str(value) for name in named if (value := getattr(self, name)) is not None}


@dataclass
class _Reading:
    """Takes the parameters one by one and remembers everything that is wrong with them."""

    asked: Mapping[str, str]
    wrong: list[Detail] = field(default_factory=list)

    def refuse(self, name: str, code: str, detail: str) -> None:
        self.wrong.append(Detail(f"/{name}", code, detail))

    def text(self, name: str) -> str | None:
        return self.asked.get(name, "").strip() or None

    def day(self, name: str) -> date | None:
        value = self.text(name)
        if value is None:
            self.refuse(name, "required", "请填写日期，例如 2026-01-01")
            return None
        try:
            if _DAY.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        self.refuse(name, "day_invalid", "日期无效，请按 2026-01-01 的样子填写")
        return None

    def moment(self, name: str) -> datetime | None:
        """RFC 3339, with its zone: a time without one means something else on every machine."""
        value = self.text(name)
        try:
            found = datetime.fromisoformat(value) if value else None
            found = found.astimezone(UTC) if found and found.tzinfo else None
        except (ValueError, OverflowError):
            found = None
        if value and found is None:
            self.refuse(name, "moment_invalid", "请按 2026-11-22T08:00:00Z 的样子填写，带时区")
            return None
        return found

    def one_of(self, name: str, values: Collection[str]) -> Any:
        value = self.text(name)
        if value is not None and value not in values:
            self.refuse(name, "unknown_value", f"只能是：{'、'.join(values)}")
            return None
        return value

    def id(self, name: str) -> UUID | None:
        value = self.text(name)
        try:
            return UUID(value) if value else None
        except ValueError:
            self.refuse(name, "id_invalid", "编号无效")
            return None

    def matching(self, name: str, fits: Callable[[str], object], detail: str) -> str | None:
        value = self.text(name)
        if value is not None and not fits(value):
            self.refuse(name, "invalid", detail)
            return None
        return value

    def keys(self) -> tuple[Key, ...]:
        asked = [part.strip() for part in self.asked.get("group_by", "").split(",") if part.strip()]
        if len(asked) > KEYS_MAX:
            self.refuse("group_by", "too_many_keys", f"一次最多按 {KEYS_MAX} 项分组")
        elif unknown := [key for key in asked if key not in KEYS]:
            shown = "、".join(key[:40] for key in unknown)
            self.refuse("group_by", "unknown_key", f"不能按这些项分组：{shown}；可选：{'、'.join(KEYS)}")
        elif len(set(asked)) < len(asked):
            self.refuse("group_by", "repeated_key", "同一项只能出现一次")
        return tuple(cast("list[Key]", asked))


def read_question(asked: Mapping[str, str]) -> Question:
    """Parameters as text → a question. A blank one is one that was not given; an unknown one is refused.

    Raises Invalid naming every parameter that is wrong (a report on a misspelt filter would be a wrong figure),
    FormatNotAvailable.
    """
    known = {parameter["name"] for parameter in PARAMETERS}
    reading = _Reading(asked)
    for name in asked:
        if name not in known:
            reading.refuse(name[:40].replace("/", "~1"), "unknown_parameter", "没有这个参数")
    question = _question(reading)
    if question is None or reading.wrong:
        raise Invalid("报表条件有误，请按提示修改后再查。", reading.wrong)
    if question.format in FORMATS_TO_COME:
        raise FormatNotAvailable(
            "目前提供 json 和 csv，xlsx 与 pdf 将在后续版本提供。",
            [Detail("/format", FormatNotAvailable.code, "请改用 csv")],
        )
    return question


def read_moment(value: str, name: str) -> datetime:
    """One moment that must be there. Raises Invalid."""
    reading = _Reading({name: value})
    if (found := reading.moment(name)) is None:
        wrong = reading.wrong or [Detail(f"/{name}", "required", "请填写时间，例如 2026-11-22T08:00:00Z")]
        raise Invalid("报表条件有误，请按提示修改后再查。", wrong)
    return found


def _question(reading: _Reading) -> Question | None:
    since, until = reading.day("from"), reading.day("to")
    if since and until and since >= until:
        reading.refuse("to", "period_empty", "结束日期（不含当日）必须晚于开始日期")
    read = Question(
        since=since or date.min,
        until=until or date.max,
        group_by=reading.keys(),
        kind=reading.one_of("kind", CREDIT_KINDS),
        scope=reading.one_of("scope", SCOPES),
        channel=reading.matching("channel", _CODE.fullmatch, "渠道代码由小写字母、数字、短横线组成"),
        fund_source=reading.one_of("fund_source", FUND_SOURCES),
        unit=reading.id("unit"),
        county=reading.matching("county", re.compile(r"[0-9]{6}").fullmatch, "请填写六位行政区划代码"),
        producer=reading.id("producer"),
        campaign=reading.id("campaign"),
        view=reading.one_of("view", VIEWS) or "event_day",
        known_at=reading.moment("known_at"),
        format=reading.one_of("format", (*FORMATS, *FORMATS_TO_COME)) or "json",
    )
    return None if reading.wrong else read


def _parameter(name: str, about: str, **schema: object) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": name in {"from", "to"}, "description": about,
            "schema": {"type": "string", **schema}}  # fmt: skip


PARAMETERS: tuple[dict[str, Any], ...] = (
    _parameter("from", "First business day (Asia/Shanghai), inclusive.", format="date", examples=["2026-01-01"]),
    _parameter("to", "Last business day, exclusive.", format="date", examples=["2027-01-01"]),
    _parameter("group_by", f"Comma list of at most {KEYS_MAX} of: {', '.join(KEYS)}.", examples=["county,month"]),
    _parameter("kind", "Which of the two figures.", enum=[*CREDIT_KINDS]),
    _parameter("scope", "As computed for `unit`.", enum=[*SCOPES]),
    _parameter("channel", "Where it was sold, e.g. `shop`.", pattern=f"^{_CODE.pattern}$"),
    _parameter("fund_source", "Whose money.", enum=[*FUND_SOURCES]),
    _parameter(
        "unit", "The unit asked about, with everything below it (default: the caller's top unit).", format="uuid"
    ),
    _parameter("county", "Division code of the county of origin.", pattern="^[0-9]{6}$"),
    _parameter("producer", "Who grew or made it.", format="uuid"),
    _parameter("campaign", "The line's primary campaign.", format="uuid"),
    _parameter("view", "By the day of the event (official), or of the original sale.", enum=[*VIEWS]),
    _parameter(
        "known_at",
        "What was known then: a report's own `known_at` gives the same bytes again. Any past moment can be asked: the "
        "last tick at or before it answers, `known_at_asked` prints the moment asked for. Where nobody watched, 422 "
        "`nothing_known_then` names the two `nearest` moments.",
        format="date-time",
    ),
    _parameter("format", "`xlsx` and `pdf` come later: 422 `format_not_available`.", enum=[*FORMATS, *FORMATS_TO_COME]),
)
"""As OpenAPI describes them."""
SECOND_MOMENT = _parameter("known_at_2", "The later moment of a bridge.", format="date-time")
