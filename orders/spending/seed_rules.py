"""The rules that a new shop starts with: an import like any other, of the file beside this room."""

from datetime import datetime
from importlib import resources

from catalog.upload.stage import import_file
from orders.spending.upload import SPENDING_RULES
from shop.core.database import Database

FILE = "spending_rules.csv"


async def seed_rules(database: Database, *, now: datetime) -> None:
    """Published rules with their documents; the others say 示例（虚构）. Safe to run again."""
    data = resources.files("orders.spending").joinpath("data", FILE).read_bytes()
    await import_file(database, kind=SPENDING_RULES, file_name=FILE, data=data, actor=None, now=now)
