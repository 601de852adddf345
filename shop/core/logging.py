"""Logs as data: one JSON object a line in production, readable lines in development, personal data in neither."""

import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# A last net, not a licence: nobody is to log these. Eleven digits inside an id are no phone number.
_MASKS: Final = (
    (re.compile(r"(?<![0-9A-Za-z-])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![0-9A-Za-z-])"), "[phone]"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[email]"),
    (re.compile(r"(?i)\bbearer\s+[^\s'\"]+"), "Bearer [token]"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"\b(?:sk|rk|whsec)_\w+"), "[token]"),
)
_SUSPECT: Final = re.compile(r"1[3-9]\d|@|bearer|eyJ|sk_|rk_|whsec_", re.IGNORECASE)
"""Nothing of the above is in a text without this, and most texts are without: one look instead of five."""
_straight = False
_CHATTY: Final = ("httpx", "httpcore", "stripe", "asyncio", "alembic", "sqlalchemy", "faker")


def configure(*, production: bool) -> None:
    """Once a process, before anything is logged. Libraries' own loggers go the same way."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        trace_without_words if production else structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, _as_json if production else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())],
        logger_factory=_Printer,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    global _straight  # noqa: PLW0603  # logging is configured once a process
    _straight = production
    root = logging.getLogger()
    root.handlers = [_IntoOurs()]
    root.setLevel(logging.INFO)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def count_line(event: str, **codes: str | float) -> None:
    """A line for each of very many things. codes: ids, templates and figures only, so nobody has to look through them.

    In production it goes straight to the stream: the way through the processors costs more than many an answer.
    """
    if not _straight:
        structlog.get_logger("shop").info(event, **codes)
        return
    stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    sys.stderr.write(_as_json(None, "", codes | {"event": event, "level": "info", "timestamp": stamp}) + "\n")


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: without_personal_data(value) for key, value in event.items()}


def without_personal_data(value: Any) -> Any:
    """The same value with phone numbers, mail addresses and tokens masked, however deep."""
    if isinstance(value, str):
        if _SUSPECT.search(value) is None:
            return value
        for pattern, mask in _MASKS:
            value = pattern.sub(mask, value)
        return value
    if isinstance(value, Mapping):
        return {key: without_personal_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_personal_data(inner) for inner in value]
    return value if isinstance(value, int | float | None) else without_personal_data(str(value))


def trace_without_words(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """An error as its kind and where it passed: its words may quote a row of the database, names and all."""
    raised = event.pop("exc_info", None)
    error = raised if isinstance(raised, BaseException) else sys.exc_info()[1] if raised else None
    if error is not None:
        event.update(trace_of(error))
    return event


def trace_of(error: BaseException) -> dict[str, Any]:
    """`error`: the kinds of the error and its causes; `trace`: file, line and function, outermost first."""
    kinds, frames, cause = [], [], error.__traceback__
    while cause is not None:
        code = cause.tb_frame.f_code
        frames.append(f"{code.co_filename}:{cause.tb_lineno} {code.co_name}")
        cause = cause.tb_next
    raised: BaseException | None = error
    while raised is not None:
        kinds.append(f"{type(raised).__module__}.{type(raised).__qualname__}")
        raised = raised.__cause__
    return {"error": kinds, "trace": frames}


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return msgspec.json.encode(event).decode()


class _Printer:
    """To standard error, whatever that is at the moment."""

    def __init__(self, *_: object) -> None: ...

    def msg(self, message: str) -> None:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()

    log = debug = info = warning = error = critical = exception = msg


class _IntoOurs(logging.Handler):
    """What libraries say through the standard library."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        logger.log(record.levelno, record.getMessage(), source=record.name, exc_info=record.exc_info or None)
