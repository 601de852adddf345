"""`make bench`: run the benchmarks, print a table, write `.data/bench.json`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from bench import bulk, buying, ledger, listing, recipients, roll, settling, spending, ticking
from bench.driver import Runs, measure
from shop.core import logging

RUNS: Runs = {
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names, with commas")
    parser.add_argument("--quick", action="store_true", help="a short form, for a first look")
    asked = parser.parse_args()
    only = {name for name in asked.only.split(",") if name}
    if unknown := only.difference(*RUNS):
        parser.error(f"nothing is called {', '.join(sorted(unknown))}")
    logging.configure(production=True)  # what is measured in this process logs as a worker does
    whole = measure(RUNS, only=only, quick=asked.quick, folder=Path(".data"), console=Console(file=sys.stdout))
    return 0 if whole else 1


sys.exit(main())
