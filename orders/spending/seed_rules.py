"""The rules that a new shop starts with: an import like any other, of the file beside this room."""

from datetime import datetime
from importlib import resources

from catalog.upload.stage import import_file
from orders.spending.upload import SPENDING_RULES
from shop.core.database import Database

FILE = "spending_rules.csv"


INVENTED = "虚构"


async def seed_rules(database: Database, *, invented: bool, now: datetime) -> None:
    """Published rules with their documents. invented: those of the demo too, whose source says 示例（虚构）; no shop
    takes them for law. Safe to run again.
    """
    table = resources.files("orders.spending").joinpath("data", FILE).read_text("utf-8-sig")
    data = "".join(line for line in table.splitlines(keepends=True) if invented or INVENTED not in line).encode()
    await import_file(database, kind=SPENDING_RULES, file_name=FILE, data=data, actor=None, now=now)
