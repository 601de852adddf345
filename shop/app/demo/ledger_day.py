"""The ledger's day (虚构): a thousand outside sales of two channels, a month closed, everything sealed and checked."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import httpx

from shop.app.demo.caller import Caller, Json, Unexpected, sign_in
from shop.app.demo.outside_sales import OutsideGoods, outside_sales
from shop.app.demo.union_day import BRANCHES, PAPER
from shop.core.clock import SHANGHAI

ROWS: Final = 1_000
COUNTIES: Final = ("140225", "620623")
CHECKER: Final = Path(__file__).parents[3] / "docs" / "check" / "bangfu_check.py"
Step = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class LedgerDay:
    """batches: when confirmed; closed: the month, with what was open; checked: what the checker said."""

    batches: list[Json]
    closed: Json
    report: Json
    checked: str


async def play_ledger_day(
    http: httpx.AsyncClient, *, today: date, seal: Callable[[], Awaitable[tuple[int, str]]], folder: Path, step: Step
) -> LedgerDay:
    """seal: what the operator's command does; gives the entries sealed and the public key. Raises Unexpected."""
    first, second = await sign_in(http, "staff@demo.test"), await sign_in(http, "staff.second@demo.test")
    with step(f"帮扶办导入两个渠道的 {ROWS} 行外部销售，第二人确认后计入"):
        files = outside_sales(await _goods(first), BRANCHES, rows=ROWS, until=today + timedelta(days=1))
        batches = [await _bring(first, second, channel, data) for channel, data in files.items()]
    with step("下个月三日，上月关账：列出关账时还开着的事项"):
        month = f"{today:%Y%m}"
        third = (today.replace(day=1) + timedelta(days=32)).replace(day=3)
        moment = datetime.combine(third, time(9), SHANGHAI).isoformat()
        await Caller(http).ask("PUT", "/sandbox/clock", json={"now": moment})
        first, platform = await sign_in(http, "staff@demo.test"), await sign_in(http, "platform@demo.test")
        await platform.ask("POST", "/api/v1/balance/runs", status=201, headers={"Idempotency-Key": month})
        closed = await first.ask("POST", f"/api/v1/periods/{month}/close")
    with step("台账封存：逐条摘要、串成链、签名"):
        _, public_key = await seal()
    with step("出报表，交给独立的核对程序：只凭一个文件和公钥"):
        asked = {"from": f"{today.year}-01-01", "to": f"{today.year + 1}-01-01", "group_by": "county,channel"}
        report = await first.ask("GET", "/api/v1/reports/sales", params=asked)
        checked = await asyncio.to_thread(_checked, report, public_key, folder)
    return LedgerDay(batches, closed, report, checked)


async def _bring(first: Caller, second: Caller, channel: str, data: bytes) -> Json:
    """One person brings the file and its paper, another one looks and confirms."""
    paper = (f"{channel}.pdf", PAPER % channel.encode(), "application/pdf")
    kept = await first.ask("POST", "/api/v1/evidence", status=201, files={"file": paper})
    staged = await first.ask(
        "POST",
        "/api/v1/intake/batches",
        status=201,
        files={"file": (f"{channel}.csv", data, "text/csv")},
        data={"channel": channel, "evidence_sha256": kept["sha256"], "evidence_kind": "document"},
    )
    confirmed: Json = await second.ask("POST", f"/api/v1/intake/batches/{staged['id']}/confirm")
    return confirmed


async def _goods(staff: Caller) -> list[OutsideGoods]:
    """What the channels sell: goods of two paired counties, as the catalogue names them."""
    found = []
    for county in COUNTIES:
        page = await staff.ask("GET", "/api/v1/products", params={"county": county, "limit": "20"})
        found += [
            OutsideGoods(
                title=card["title"],
                producer=card["producer"]["name"],
                county_code=card["county"]["code"],
                price_fen=card["price_fen"],
                net_grams=card["skus"][0]["net_grams"],
            )
            for card in page["items"]
            if "礼" not in card["title"]
        ]
    return found


def _checked(report: Json, public_key: str, folder: Path) -> str:
    """What the stand-alone checker says of the report as a file. Raises Unexpected when it does not hold."""
    file = folder / "report.json"
    file.write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
    command = [sys.executable, "-I", str(CHECKER), "report", str(file), "--public-key", public_key]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        raise Unexpected(f"独立核对没有通过：{told.stdout}{told.stderr}")
    return told.stdout.strip()
