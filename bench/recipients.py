"""50,000 recipients of an xlsx through the real door: how long until all are saved, and what the web process holds."""

import asyncio
import io
import json
import os
import re
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import xlsxwriter
from sqlalchemy import text

from bench.goods import PASSWORD, analyzed
from bench.layout import LOAD_CORE, Client, Server, migrated, request, rss_mib, server, web
from shop.access.account.passwords import hash_password
from shop.access.permissions import Actor
from shop.core.database import Database
from tests.make.bulk import Plan, a_plan

LIMIT_S = 30.0
TITLES = ("收件人", "手机", "省市县", "详细地址", "工号", "单位编号", "套餐", "份数")
REGIONS = ("310101", "贵州省从江县", "山西省浑源县")


async def run(quick: bool) -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> list[dict[str, Any]]:
    count = 5_000 if quick else 50_000
    os.sched_setaffinity(0, {LOAD_CORE})
    with server() as running:
        asyncio.run(migrated(running))
        with web(running) as (process, port):
            before = rss_mib(process)
            seconds, rows = asyncio.run(_import(running, port, count))
            peak = _peak_mib(process.pid)
    if rows != count:
        raise RuntimeError(f"{count} announced and {rows} saved")
    limit = LIMIT_S * count / 50_000
    return [
        {
            "name": "recipients_import",
            "ratio": seconds / limit,
            "goal": 1,
            "better": "lower",
            "detail": {
                "rows": rows,
                "seconds": round(seconds, 1),
                "rss_mib": round(peak),
                "rss_mib_before": round(before),
            },
        }
    ]


async def _import(running: Server, port: int, count: int) -> tuple[float, int]:
    database = await Database.open(running.url(), size=4)
    plan = await a_plan(database, members=count, state="draft", deliver_to="homes", budget_fen=10**12)
    await analyzed(running)
    token = await token_of(database, port, plan.desk.clerk)
    client = await Client.open(port)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/octet-stream"}
    sheet = _workbook(count)
    began = perf_counter()
    status, body = await client.send(request("PUT", f"/api/v1/bulk-purchases/{plan.id}/recipients", headers, sheet))
    took = perf_counter() - began
    client.close()
    if status != 200:
        raise RuntimeError(body[:2_000].decode())
    saved = await _saved(database, plan)
    await database.close()
    return took, saved


async def token_of(database: Database, port: int, actor: Actor) -> str:
    """A token of a clerk, from the real door."""
    async with database.transaction() as session:
        email = await session.scalar(
            text("UPDATE user_account SET password_hash = :hash WHERE id = :id RETURNING email"),
            {"hash": await hash_password(PASSWORD), "id": actor.user_id},
        )
    client = await Client.open(port)
    form = urlencode({"grant_type": "password", "username": email, "password": PASSWORD}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    status, body = await client.send(request("POST", "/api/v1/auth/token", headers, form))
    client.close()
    if status != 200:
        raise RuntimeError(body.decode())
    token: str = json.loads(body)["access_token"]
    return token


async def _saved(database: Database, plan: Plan) -> int:
    async with database.reading() as session:
        found = await session.scalar(
            text("SELECT count(*) FROM bulk_recipient WHERE purchase_id = :id"), {"id": plan.id}
        )
    return int(found or 0)


def _workbook(count: int) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, TITLES)
    for n in range(count):
        street = f"示例路 {n % 400} 号 {n % 30} 室"
        sheet.write_row(n + 1, 0, (f"会员{n}", f"139{n:08}", REGIONS[n % 3], street, "", "", "", 1))
    book.close()
    return out.getvalue()


def _peak_mib(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
