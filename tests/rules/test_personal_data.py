"""A phone, a name and a token are planted wherever a caller can; then logs, spans and metrics are searched for them."""

import asyncio
import logging as stdlib_logging
from collections.abc import Iterator
from io import StringIO

import httpx
import pytest
import structlog
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from shop.app.worker import Job, repeat
from shop.core import logging, telemetry
from shop.core.database import Database

pytestmark = pytest.mark.anyio

PHONE, NAME, TOKEN = "13912345678", "欧阳测试", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
MAIL = "ouyang.planted@example.test"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.use_tracer(provider.get_tracer("test"))
    yield exporter
    telemetry.use_tracer(None)
    provider.shutdown()


@pytest.fixture(params=[True, False], ids=["production", "development"])
def logs(request: pytest.FixtureRequest) -> Iterator[StringIO]:
    written = StringIO()
    root = stdlib_logging.getLogger()
    handlers, level = root.handlers, root.level
    logging.configure(production=request.param)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written))
    yield written
    root.handlers, root.level = handlers, level
    logging.configure(production=False)


@pytest.fixture
async def crashing(app: FastAPI, database: Database) -> FastAPI:
    @app.post("/api/v1/crash")
    async def crash() -> None:
        async with database.transaction() as session:  # the driver's words quote the row
            insert = text("INSERT INTO person (id, name, phone, created_at) VALUES (NULL, :name, :phone, now())")
            await session.execute(insert, {"name": NAME, "phone": PHONE})

    return app


async def test_nothing_personal_is_told(
    crashing: FastAPI,
    client: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    spans: InMemorySpanExporter,
    logs: StringIO,
) -> None:
    bearer = {"authorization": f"Bearer {TOKEN}", "x-request-id": PHONE, "user-agent": NAME.encode().hex()}
    address = {"name": NAME, "phone": PHONE, "region_code": "310101", "street": f"{NAME}路 {PHONE}"}
    answers = [
        await client.post("/api/v1/auth/token", data={"username": MAIL, "password": f"{NAME}{PHONE}"}),
        await client.get("/api/v1/products", params={"q": f"{NAME} {PHONE}"}),
        await client.get(f"/api/v1/products/{PHONE}"),
        await client.get(f"/{NAME}/{PHONE}/{TOKEN}"),
        await client.post("/api/v1/orders", json={"address": address, "fund_source": NAME}, headers=bearer),
        await client.post("/hooks/stripe", content=f"{NAME} {PHONE}", headers={"stripe-signature": TOKEN}),
        await client.post("/api/v1/crash", headers={"referer": f"http://shop.test/?phone={PHONE}"}),
    ]
    assert [answer.status_code for answer in answers][-1] == 500

    async def fail() -> None:
        stop.set()
        raise ValueError(f"{NAME} {PHONE} {TOKEN} {MAIL}")

    stop = asyncio.Event()
    await repeat(Job("planted", 1, fail), stop)
    structlog.get_logger().warning("careless", who=MAIL, calls=[PHONE, {"with": f"Bearer {TOKEN}"}])
    stdlib_logging.getLogger("some.library").error("call %s at %s", MAIL, PHONE)

    said = logs.getvalue()
    traced = "\n".join(span.to_json() for span in spans.get_finished_spans())
    counted = (await operator.get("/metrics")).text
    assert "request_crashed" in said
    assert "job_failed" in said
    assert "job planted" in traced
    assert "/api/v1/orders" in counted
    for secret in (PHONE, TOKEN, MAIL):
        assert secret not in said + traced + counted
    assert NAME not in traced + counted
    if '"event":"request"' in said:  # development shows an error's own words, masked as far as a net can
        assert NAME not in said
