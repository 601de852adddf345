"""`make demo`: one day of the shop through real HTTP, on a clean database, with the figures checked to the fen."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import date, timedelta
from functools import partial
from time import perf_counter
from typing import Final

import httpx
from rich.console import Console

from catalog.price.change_price import NewPrice, change_prices
from orders.balance.identity import Identity, identities
from orders.seal.key import seal_key
from orders.seal.seal import seal_new
from shop.app.demo import show
from shop.app.demo.caller import Caller, Json, Unexpected, sign_in
from shop.app.demo.catalogue import FESTIVAL_BOX_CODE
from shop.app.demo.day import Day, play_day
from shop.app.demo.ledger_day import play_ledger_day
from shop.app.demo.running import ProcessEnded, Processes, clean_database, web_and_worker
from shop.app.demo.seed import seed
from shop.app.demo.union_day import play_union_day
from shop.app.migrate import make_ready
from shop.core import clock
from shop.core.database import Database, open_database
from shop.core.postgres.embedded import PostgresTrouble
from shop.core.settings import Settings

PATIENCE_SECONDS: Final = 60
INTERRUPTED: Final = 130

console = Console(highlight=False)


async def play() -> int:
    """The exit code: 0 when every figure agrees, 1 when one does not, 130 after Ctrl-C. Nothing keeps running."""
    playing = asyncio.current_task()
    if playing is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    started = perf_counter()
    try:
        wrong = await _play(Settings())
    except asyncio.CancelledError:
        console.print("已停止，没有留下任何进程。")
        return INTERRUPTED
    except (Unexpected, ProcessEnded, PostgresTrouble) as trouble:
        console.print(f"[red]没有走完：[/red]{trouble}", markup=True, soft_wrap=True)
        return 1
    for line in wrong:
        console.print(f"[red]核对不符：[/red]{line}", soft_wrap=True)
    console.print(f"用时 {perf_counter() - started:.1f} 秒。所有人物、单位和商品均为虚构。")
    return 1 if wrong else 0


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says what is going on while it goes on, and how long it took."""
    started = perf_counter()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(f"… {what}")
        yield
    console.print(f"[green]✓[/green] {what} [dim]{perf_counter() - started:.1f} 秒[/dim]")


async def _play(settings: Settings) -> list[str]:
    """Returns what does not agree."""
    async with AsyncExitStack() as stack:
        with step("启动数据库"):
            settings = stack.enter_context(clean_database(settings))
        with step("建表"):
            await make_ready(settings, settings.database_owner_url or "")
            database = await open_database(settings)
            stack.push_async_callback(database.close)
        with step("装入县域名录、演示人物和 80 种样品（虚构）"):
            await seed(database, demo=True)
        processes = await stack.enter_async_context(web_and_worker(settings))
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=settings.public_url, timeout=30, trust_env=False)
        )
        with step("启动网站和后台进程"):
            await _until(processes, lambda: _ready(http))
        day = await play_day(http, until=lambda check: _until(processes, check), step=step)
        today = date.fromisoformat(day.until) - timedelta(days=1)
        lower_price = partial(_lower_price, database)
        union = await play_union_day(http, today=today, lower_price=lower_price, step=step)
        ledger = await play_ledger_day(
            http, today=today, seal=partial(_seal, database, settings), folder=settings.data_folder, step=step
        )
        with step("出报表，核对每一分钱"):
            staff = await sign_in(http, "staff@demo.test")
            by_county, by_scope = [await _report(staff, day, group_by) for group_by in ("county", "scope")]
            own = await _report(staff, day, "county", channel="shop")
            paid_fen = await _paid_by_api(day) + sum(share["paid_fen"] for share in union.shares)
            async with database.snapshot() as session:
                found = await identities(session)
        with step("停止网站、后台进程和数据库"):
            await stack.aclose()
    show.show_report(console, by_county, by_scope)
    show.show_ledger(console, ledger.batches, ledger.closed)
    show.show_shares(console, union.shares, union.protected_fen)
    show.show_identities(console, found)
    wrong = disagreements(found, own, paid_fen)
    if not wrong:
        show.show_agreement(console, found)
        console.print(f"[bold green]独立核对：[/bold green]{ledger.checked}", soft_wrap=True)
    return wrong


def disagreements(found: list[Identity], report: Json, paid_fen: int) -> list[str]:
    """Identities that do not hold, and where HTTP says otherwise than the database holds. Empty when all agree."""
    wrong = [
        f"{one.code}：{show.written(one, one.left)} ≠ {show.written(one, one.right)}"
        f"（左减右 {one.difference}，逐项相差 {one.apart}）"
        for one in found
        if not one.holds
    ]
    by_code = {one.code: one for one in found}
    counted, money = by_code["recognised"], by_code["money"]
    for what, said, holds in (
        ("报表计入合计", report["totals"]["credited_fen"], counted.left["credited"]),
        ("报表逐县相加", sum(row["credited_fen"] for row in report["rows"]), counted.left["credited"]),
        ("报表不计入", sum(one["amount_fen"] for one in report["not_counted"]), counted.left["not_counted"]),
        ("报表认定总额", report["recognised_fen"], counted.right["recognised"]),
        ("买家订单实收", paid_fen, money.right["payments"]),
    ):
        if said != holds:
            wrong.append(f"{what}：接口说 {said} 分，数据库里是 {holds} 分")
    return wrong


async def _lower_price(database: Database, fen: int) -> None:
    """What the supplier's new price list does at the command line."""
    async with database.transaction() as session:
        await change_prices(session, actor=None, prices=[NewPrice(FESTIVAL_BOX_CODE, fen)], now=clock.now())


async def _seal(database: Database, settings: Settings) -> tuple[int, str]:
    """What `shop credit seal` does: how many entries, and the public key."""
    key = seal_key(settings)
    done = await seal_new(database, key, now=clock.now())
    return done.entries, key.public_hex


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def _until(processes: Processes, check: Callable[[], Awaitable[object]]) -> None:
    """Ask until it is so. Raises ProcessEnded, Unexpected after a minute."""
    deadline = perf_counter() + PATIENCE_SECONDS
    while not await check():
        processes.check()
        if perf_counter() > deadline:
            raise Unexpected(f"等了 {PATIENCE_SECONDS} 秒还没有结果，日志在 {processes.folder}")
        await asyncio.sleep(0.1)


async def _report(staff: Caller, day: Day, group_by: str, **narrowed: str) -> Json:
    """The whole year: outside sales may be older than the played days."""
    first, last = int(day.since[:4]), int(day.until[:4])
    asked = {"from": f"{first}-01-01", "to": f"{last + 1}-01-01", "group_by": group_by, **narrowed}
    answer: Json = await staff.ask("GET", "/api/v1/reports/sales", params=asked)
    return answer


async def _paid_by_api(day: Day) -> int:
    """What the buyers' own lists say they paid, less what came back."""
    lists = [await caller.orders() for caller in (day.employee, day.friend, day.colleague)]
    return sum(order["paid_fen"] - order["refunded_fen"] for orders in lists for order in orders)
