"""Counters for Prometheus, spans for OpenTelemetry. Labels and attributes are templates and codes, never data."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from os import environ
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig
    from opentelemetry.trace import Tracer

REQUESTS: Final = Counter("shop_http_requests", "Answers given.", ("method", "route", "status"))
SECONDS: Final = Histogram(
    "shop_http_seconds",
    "Time from request to the end of the answer.",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
# Prometheus puts a label `job` of its own on whatever it reads, so ours is the sweep.
SWEEPS: Final = Counter("shop_sweeps", "Runs of the worker's jobs, by how they ended.", ("sweep", "outcome"))
SWEEP_SECONDS: Final = Histogram("shop_sweep_seconds", "Time a run of a job took.", ("sweep",))
SWEEP_EVERY: Final = Gauge("shop_sweep_every_seconds", "How long after one run the next one is due.", ("sweep",))
SWEEP_DONE: Final = Gauge(
    "shop_sweep_last_success_timestamp_seconds", "When a run last ended well; 0: never in this process.", ("sweep",)
)
UNKNOWN_PROXY: Final = Counter(
    "shop_unknown_proxy_sign_ins", "Passwords that came through a proxy which is not trusted, or says not who calls."
)
CUT: Final = Counter("shop_connections_cut", "Callers who kept a connection waiting.", ("why",))
NOT_THE_FRAMEWORKS: Final["TelemetryConfig"] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""The framework's own telemetry quotes queries and error messages, which may be personal: ours does not."""

_tracer: "Tracer | None" = None


def trace_to_collector(service: str) -> Callable[[], None]:
    """Send spans where OTEL_EXPORTER_OTLP_ENDPOINT points; without it nothing is loaded. Returns what ends it.

    The SDK is imported only here: it would cost the web process memory that most never use.
    """
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return lambda: None
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter()))
    use_tracer(provider.get_tracer("bangfu"))
    return provider.shutdown


def use_tracer(tracer: "Tracer | None") -> None:
    global _tracer  # noqa: PLW0603
    _tracer = tracer


@contextmanager
def span(name: str, *, caller: Iterable[tuple[bytes, bytes]] | None = None) -> Iterator[dict[str, str | int]]:
    """A span of that name; what is put into the yielded dict becomes its attributes. No-op when nobody collects.

    `http.route` in it renames the span. caller: the request's headers, to go on with the trace they name.
    An error's kind is kept, its words are not.
    """
    attributes: dict[str, str | int] = {}
    if _tracer is None:
        yield attributes
        return
    from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in caller or ()}
    context = TraceContextTextMapPropagator().extract(headers) if headers else None
    kind = SpanKind.INTERNAL if caller is None else SpanKind.SERVER
    with _tracer.start_as_current_span(
        name, context=context, kind=kind, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield attributes
        except BaseException as error:
            current.set_attribute("error.type", type(error).__qualname__)
            current.set_status(StatusCode.ERROR)
            raise
        finally:
            if route := attributes.get("http.route"):
                current.update_name(f"{name} {route}")
            current.set_attributes(attributes)
