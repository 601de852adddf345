"""`make bench`: run the benchmarks, print a table, write `.data/bench.json`."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import bulk, buying, ledger, listing, recipients, roll, settling, spending, ticking

Result = dict[str, Any]
RUNS: dict[tuple[str, ...], Callable[[bool], Awaitable[list[Result]]]] = {
    ("place_order", "hot_sku", "web_rss_mib"): buying.run,
    ("settle", "settle_credit_cost"): settling.run,
    ("tick_settle_cost",): ticking.run,
    ("bulk_place",): bulk.run,
    ("rule_check_growth",): spending.run,
    ("product_list", "product_list_cold", "product_detail_304"): listing.run,
    ("recipients_import",): recipients.run,
    ("roll_export_mib",): roll.run,
    (
        "seal_100k_s",
        "verify_per_s",
        "report_year_by_county",
        "report_county_by_month",
        "report_entries_one_county",
        "report_full_table",
    ): ledger.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--only", default="", help="names, with commas")
    parser.add_argument("--quick", action="store_true", help="a short form, for a first look")
    asked = parser.parse_args()
    only = {name for name in asked.only.split(",") if name}
    console = Console()
    results: list[Result] = []
    for names, run in RUNS.items():
        if only and not only.intersection(names):
            continue
        with console.status("measuring " + ", ".join(names)):
            results += [r for r in asyncio.run(run(asked.quick)) if not only or r["name"] in only]
    table = Table("name", "ratio", "goal", "", "detail")
    for result in results:
        higher = result["better"] == "higher"
        met = result["ratio"] >= result["goal"] if higher else result["ratio"] <= result["goal"]
        table.add_row(
            result["name"],
            f"{result['ratio']:.2f}",
            f"{'≥' if higher else '≤'} {result['goal']}",
            "✓" if met else "✗",
            ", ".join(f"{key} {value}" for key, value in result["detail"].items()),
        )
    console.print(table)
    written = Path(".data/bench.json")
    written.parent.mkdir(exist_ok=True)
    written.write_text(json.dumps(results, ensure_ascii=False, indent=2), encoding="utf-8")


main()
