"""What the played day prints: the report with a chart, and the proof that every fen is somewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from orders.balance.identity import Identity, Measure
from orders.balance.rules import PARTS
from orders.period.words import WAS_OPEN
from orders.report import words
from shop.app.demo.caller import Json
from shop.ui.charts import Bar, terminal_bars
from shop.ui.filters import yuan


def show_report(console: Console, by_county: Json, by_scope: Json) -> None:
    """by_county, by_scope: answers of `GET /api/v1/reports/sales`."""
    period = by_county["period"]
    console.print(f"\n{by_county['unit']['name']} 消费帮扶销售 {period['from']} 至 {period['to']}（不含）")
    table = Table(box=SIMPLE_HEAD)
    table.add_column("帮扶县", no_wrap=True)
    for head in ("直接购买", "帮助销售", "计入合计", "已退款", "订单"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in by_county["rows"]:
        table.add_row(row["county"]["name"], *_cells(row))
    table.add_section()
    table.add_row("合计", *_cells(by_county["totals"]))
    console.print(table)
    for row in by_scope["rows"]:
        console.print(f"  {words.SCOPES[row['scope']]} {yuan(row['credited_fen'])}")
    for one in by_county["not_counted"]:
        console.print(f"  不计入 {yuan(one['amount_fen'])}：{words.REASONS[one['reason']]}")
    bars = [
        Bar(row["county"]["name"], row["credited_fen"], yuan(row["credited_fen"]))
        for row in sorted(by_county["rows"], key=lambda row: row["credited_fen"], reverse=True)
    ]
    console.print("\n计入金额（按县）")
    console.print(terminal_bars(bars, min(console.width, 72)), highlight=False, markup=False)


def _cells(row: Mapping[str, Any]) -> list[str]:
    money = ("direct_purchase_fen", "assisted_sale_fen", "credited_fen", "refunded_fen")
    return [*(yuan(row[name]) for name in money), str(row["orders"])]


def show_shares(console: Console, shares: Sequence[Mapping[str, Any]], protected_fen: int) -> None:
    """Each payer of the joint purchase: what he owed and paid. protected_fen: what fallen prices saved them."""
    console.print("\n工会联合采购：五个付款方，各有识别码")
    table = Table(box=SIMPLE_HEAD)
    for head in ("付款方", "识别码"):
        table.add_column(head, no_wrap=True)
    for head in ("应付", "已付"):
        table.add_column(head, justify="right", no_wrap=True)
    for share in shares:
        table.add_row(share["payer_name"], share["transfer_code"], yuan(share["due_fen"]), yuan(share["paid_fen"]))
    due, paid = (sum(share[name] for share in shares) for name in ("due_fen", "paid_fen"))
    table.add_section()
    table.add_row("合计", "", yuan(due), yuan(paid))
    console.print(table)
    console.print(f"  按价格保护少收 {yuan(protected_fen)}")


def show_ledger(console: Console, batches: Sequence[Mapping[str, Any]], closed: Mapping[str, Any]) -> None:
    """Confirmed batches of outside sales, and the month that closed."""
    console.print("\n外部销售与关账")
    for batch in batches:
        refunds = f"，退款 {batch['refunds']} 笔 {yuan(batch['refunds_fen'])}" if batch["refunds"] else ""
        console.print(f"  {batch['channel_name']}：{batch['rows']} 行，销售 {yuan(batch['sales_fen'])}{refunds}")
    state = {"closed": "已关账", "adjusting": "已关账，进入调整期"}[closed["state"]]
    console.print(f"  {closed['month']} {state}，关账人 {closed['closer']}；关账时还开着：{_open(closed['was_open'])}")


def _open(was_open: Mapping[str, int] | None) -> str:
    said = [f"{WAS_OPEN[what]} {count}" for what, count in (was_open or {}).items() if count]
    return "、".join(said) or "无"


def show_identities(console: Console, found: Sequence[Identity]) -> None:
    console.print("\n每一分钱、每一件货都有去处")
    table = Table(box=SIMPLE_HEAD)
    table.add_column("左边")
    table.add_column("右边")
    table.add_column("相差", justify="right")
    for one in found:
        apart = "0" if one.holds else f"[red]{_amount(one.apart or one.difference, one.measure)}[/red]"
        table.add_row(written(one, one.left), written(one, one.right), apart)
    console.print(table)


def show_agreement(console: Console, found: Sequence[Identity]) -> None:
    """The verification line."""
    sums = [
        f"{written(one, one.left)} ＝ {written(one, one.right)}" for one in found if one.code in {"money", "recognised"}
    ]
    console.print(f"[bold green]核对通过：[/bold green]{'；'.join(sums)}；分毫不差。", soft_wrap=True)


def written(one: Identity, side: Mapping[str, int]) -> str:
    return " + ".join(f"{PARTS[part]} {_amount(amount, one.measure)}" for part, amount in side.items())


def _amount(amount: int, measure: Measure) -> str:
    return yuan(amount) if measure == "fen" else f"{amount:,} 件"
