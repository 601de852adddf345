"""The ledger's day (虚构): a thousand outside sales of two channels, a month closed, everything sealed and checked."""

import asyncio
import csv
import io
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

from shop.core.clock import SHANGHAI
from shop.demo.caller import Caller, Json, Unexpected, sign_in
from shop.demo.catalogue import SUPPLIER_NAME
from shop.demo.union_day import PAPER

ROWS: Final = 1_000
CHECKER: Final = Path(__file__).parents[2] / "docs" / "check" / "bangfu_check.py"
_UNIT: Final = "示例银行第{}分行（虚构）"
_NUMBERS: Final = "一二三四"
_QUINOA: Final = "天祝乌鞘岭藜谷农产品专业合作社（虚构）"
_PLATFORM: Final = (
    "渠道", "外部单号", "行号", "类型", "退款单号", "方式", "单位", "资金来源", "发票号码", "产地省", "产地县",
    "生产者", "供应商", "商品", "品类", "认定编号", "数量", "重量（公斤）", "金额（元）", "日期",
)  # fmt: skip
_MARKET: Final = (
    "主订单号", "子订单号", "业务类型", "售后单号", "推荐单位", "电子发票号", "发货省", "原产县", "合作社", "店铺主体",
    "宝贝标题", "件数", "净重（公斤）", "实付货款", "付款时间",
)  # fmt: skip
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
        batches = [
            await _bring(first, second, "platform_832", _platform(today)),
            await _bring(first, second, "retail_market", _market(today)),
        ]
    with step("下个月三日，上月关账：列出关账时还开着的事项"):
        month = f"{today:%Y%m}"
        third = (today.replace(day=1) + timedelta(days=32)).replace(day=3)
        moment = datetime.combine(third, time(9), SHANGHAI).isoformat()
        await Caller(http).ask("PUT", "/sandbox/clock", json={"now": moment})
        first = await sign_in(http, "staff@demo.test")
        await first.ask("POST", "/api/v1/balance/runs", status=201, headers={"Idempotency-Key": month})
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


def _platform(today: date) -> bytes:
    """Canteens' purchases on the platform for formerly poor counties, in the columns of our template."""
    rows = [
        [
            "832 平台", f"PT{number:06}", "1", "销售", "", "直接购买", _unit(number), "食堂", "", "山西省", "浑源县",
            SUPPLIER_NAME, SUPPLIER_NAME, "浑源小米", "杂粮", "XNRD-SP003", "10", "10",
            f"{100 + number % 50}.{number % 100:02}", _day(today, number),
        ]
        for number in range(ROWS // 2)
    ]  # fmt: skip
    return _csv([list(_PLATFORM), *rows]).encode("utf-8-sig")


def _market(today: date) -> bytes:
    """A retailer's marketplace: titled, in GBK, with columns of its own; some sales were given back."""
    rows = []
    for number in range(ROWS // 2):
        kind, back = ("退款", f"TK{number:06}") if number % 50 == 49 else ("", "")
        order = number - 1 if back else number
        yuan = "20.00" if back else f"{60 + order % 40}.{order % 100:02}"
        rows.append(
            [f"SC{order:06}", "1", kind, back, _unit(order), "", "甘肃省", "天祝藏族自治县",
             _QUINOA, _QUINOA, "三色藜麦礼盒", "" if back else "2", "" if back else "0.5", yuan, _day(today, order)]
        )  # fmt: skip
    return _csv([["示例商城订单导出（虚构）"], list(_MARKET), *rows]).encode("gb18030")


def _unit(number: int) -> str:
    return _UNIT.format(_NUMBERS[number % len(_NUMBERS)])


def _day(today: date, number: int) -> str:
    """A day of this month, not after today."""
    return (today - timedelta(days=number % today.day)).isoformat()


def _csv(rows: list[list[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _checked(report: Json, public_key: str, folder: Path) -> str:
    """What the stand-alone checker says of the report as a file. Raises Unexpected when it does not hold."""
    file = folder / "report.json"
    file.write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
    command = [sys.executable, "-I", str(CHECKER), "report", str(file), "--public-key", public_key]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        raise Unexpected(f"独立核对没有通过：{told.stdout}{told.stderr}")
    return told.stdout.strip()
