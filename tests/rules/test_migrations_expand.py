"""A migration only adds: the last release serves on what it leaves behind (docs/decisions/0027)."""

import re
from io import StringIO
from typing import Final

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from shop.app.migrate import SCRIPTS
from tests.make.release import releases

SINCE: Final = "20261130_0044"
"""The rule holds for what comes after it. Those before it were looked through one by one, and the drill holds them."""
BREAKS: Final = {
    "drops a table": r"\bDROP TABLE\b",
    "drops a column": r"\bDROP COLUMN\b",
    "drops a function": r"\bDROP FUNCTION\b",
    "drops a default": r"\bDROP DEFAULT\b",
    "drops what ON CONFLICT may name": r"\bDROP (CONSTRAINT|INDEX) (CONCURRENTLY )?(IF EXISTS )?\"?(uq|pk)_",
    "renames": r"\bRENAME\b",
    "changes a type": r"\bALTER COLUMN \S+ (SET DATA )?TYPE\b",
    "demands a value": r"\bSET NOT NULL\b",
    "adds a column that demands a value": r"\bADD COLUMN (?![^,;]*\bDEFAULT\b)[^,;]*\bNOT NULL\b",
    "takes a right": r"\bREVOKE\b",
}


def broken_by(sql: str) -> set[str]:
    """What the last release might need, and a migration takes away."""
    said = re.sub(r"--.*", "", sql)
    return {why for why, pattern in BREAKS.items() if re.search(pattern, said, re.IGNORECASE)}


def sql_of(script: Script) -> str:
    written = StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written, "script": None}
    )
    with Operations.context(context):
        script.module.upgrade()
    return written.getvalue()


def test_it_takes_nothing_that_the_last_release_needs() -> None:
    """Unless the file says `not_needed_since = '<commit>'`: a release that is listed, so that none before it serves."""
    wrong = {}
    for script in ScriptDirectory(str(SCRIPTS)).iterate_revisions("head", SINCE):
        found = broken_by(sql_of(script))
        if found and getattr(script.module, "not_needed_since", None) not in releases():
            wrong[script.revision] = found
    assert wrong == {}, "expand now, and drop with the release after the next (CHANGELOG.md lists what waits)"


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DROP TABLE bank_layout", "drops a table"),
        ("ALTER TABLE price ADD COLUMN a int,\n    DROP COLUMN reviewed_fen", "drops a column"),
        ("ALTER TABLE price RENAME COLUMN fen TO amount_fen", "renames"),
        ("ALTER TABLE price RENAME TO prices", "renames"),
        ("ALTER TABLE price ALTER COLUMN reviewed_fen SET NOT NULL", "demands a value"),
        ("ALTER TABLE price ADD COLUMN a bigint DEFAULT 0, ADD COLUMN why varchar NOT NULL",
         "adds a column that demands a value"),
        ("ALTER TABLE price ALTER COLUMN fen TYPE numeric", "changes a type"),
        ("ALTER TABLE paid_back DROP CONSTRAINT IF EXISTS uq_paid_back_bank_reference",
         "drops what ON CONFLICT may name"),
        ("REVOKE UPDATE ON price FROM bangfu_app", "takes a right"),
    ],
)  # fmt: skip
def test_what_breaks_is_seen(sql: str, why: str) -> None:
    assert broken_by(sql) == {why}


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE price ADD COLUMN a bigint NOT NULL DEFAULT 0, ADD COLUMN b varchar",
        "CREATE TABLE a (id uuid NOT NULL)",
        "ALTER TABLE refund DROP CONSTRAINT ck_refund_fen, ADD CONSTRAINT ck_refund_fen CHECK (true) NOT VALID",
        "-- DROP TABLE price\nCREATE INDEX ix_price_a ON price (a)",
    ],
)
def test_what_only_adds_is_not(sql: str) -> None:
    assert broken_by(sql) == set()
