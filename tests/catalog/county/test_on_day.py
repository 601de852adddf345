"""What a code stands for does not depend on what its asker calls his own tables."""

from datetime import date

import pytest
from sqlalchemy import text

from catalog.county.on_day import codes_before, origin_on, today_of
from shop.core.database import Database

pytestmark = pytest.mark.anyio
DAY = {"today": date(2026, 1, 1)}


@pytest.fixture
async def counties(database: Database) -> Database:
    """110999 is in force although 110100 followed it; 110998 has ended and stands for 110100."""
    async with database.transaction() as session:
        for code, until in (("110100", None), ("110999", None), ("110998", date(2020, 1, 1))):
            await session.execute(
                text("""INSERT INTO county (code, name, province, kind, pinyin, source, valid_to)
                    VALUES (:code, :code, '示例省', 'county', 'x', 'test', :until)"""),
                {"code": code, "until": until},
            )
            if code != "110100":
                await session.execute(
                    text("""INSERT INTO county_successor (code, successor_code, valid_from, source)
                        VALUES (:code, '110100', '2020-01-01', 'test')"""),
                    {"code": code},
                )
    return database


@pytest.mark.parametrize("alias", ["w", "o", "c", "s", "k", "l", "b", "d", "a"])
async def test_whatever_the_asker_calls_his_rows(counties: Database, alias: str) -> None:
    asked = f"(VALUES (CAST('110998' AS varchar), CAST(:today AS date)), ('110999', :today)) {alias} (code, day)"
    statement = text(f"""
    SELECT {alias}.code, t.code, x.code,
        ARRAY(SELECT code FROM ({codes_before(f"{alias}.code", f"{alias}.day")}) e ORDER BY 1)
    FROM {asked} CROSS JOIN LATERAL ({today_of(f"{alias}.code", f"{alias}.day")}) t
    CROSS JOIN LATERAL ({origin_on(f"{alias}.code", f"{alias}.day")}) x ORDER BY 1
    """)
    async with counties.reading() as session:
        found = [tuple(row) for row in await session.execute(statement, DAY)]
    assert found == [("110998", "110100", "110100", ["110998"]), ("110999", "110999", "110999", ["110999"])]
