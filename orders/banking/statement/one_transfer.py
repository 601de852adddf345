"""Whether two rows of the bank are one transfer: the one question of imports, reversals and the nightly balance.

Aliases are of `bank_transfer`, or of a statement's rows with the same columns. Nothing here is from outside.
"""

from typing import Final

UNNAMED: Final = "（现金或未写户名）"
"""Stands where the bank names no payer."""


def unsaid(a: str, b: str) -> str:
    """SQL: one of two files did not say its whole account."""
    return f"({a}.account_key LIKE 'desk:%' OR {b}.account_key LIKE 'desk:%')"


def one_account(a: str, b: str) -> str:
    """SQL: they may be of one account of ours: it is the same, or what is said of it agrees."""
    return f"""CASE WHEN {unsaid(a, b)} THEN coalesce({a}.account_last4 = {b}.account_last4, true)
        ELSE {a}.account_key = {b}.account_key END"""


def plain_payer(a: str) -> str:
    """SQL: the payer's name as names are compared."""
    return f"regexp_replace(normalize({a}.payer_name, NFKC), '\\s+', '', 'g')"


def same_content(a: str, b: str) -> str:
    """SQL: the check of two rows with the same account, day and number."""
    return f"{a}.amount_fen = {b}.amount_fen AND {plain_payer(a)} = {plain_payer(b)}"


def compared_columns(a: str) -> str:
    """SQL: a row's columns by which it may be the same as one of another file.

    What files lose: a spreadsheet the zeros before a number, or its digits beyond the 15th; one of a payment company's
    bills gives the number of the other in the remark; without a number we compose one (with a `/`).
    """
    remark = f"upper(regexp_replace(normalize({a}.remark, NFKC), '[\\s\\-_.·,:]+', '', 'g'))"
    return f"""{a}.id, {a}.day, {a}.amount_fen, {a}.account_key, {a}.account_last4, {a}.payer_account_digest,
    {a}.serial_number, {plain_payer(a)} AS payer,
    nullif(ltrim(upper(normalize({a}.serial_number, NFKC)), '0'), '') AS bare_number,
    CASE WHEN {a}.serial_number ~ '^[0-9]{{16,}}$' THEN left({a}.serial_number, 15) END AS kept_digits,
    {a}.serial_number ~ '^[0-9]{{15}}0+$' AS rounded, strpos({a}.serial_number, '/') > 0 AS composed,
    substring({a}.serial_number FROM '^[0-9]{{8}}(/-?[0-9]+/.+)') AS beside_day,
    translate(substring({remark} FROM 'BF[0-9A-Z]{{10}}'), 'OIL', '011') AS code,
    substring({a}.remark FROM '[^ ]{{6,}}$') AS last_word"""


_PAYER: Final = """(a.payer = b.payer OR a.payer_account_digest = b.payer_account_digest
    OR starts_with(a.payer, b.payer) OR starts_with(b.payer, a.payer) OR '(现金或未写户名)' IN (a.payer, b.payer))"""
DAYS_APART: Final = 10
"""A bank's two files may name the day of a transfer and the day on which it was booked: a holiday lies between."""
_NEAR: Final = f"""a.amount_fen = b.amount_fen AND a.day BETWEEN b.day - 1 AND b.day + 1 AND {one_account("a", "b")}"""
_ALIKE: Final = (
    f"{_NEAR} AND a.bare_number = b.bare_number AND {_PAYER}",
    f"""{_NEAR} AND a.kept_digits = b.kept_digits AND length(a.serial_number) = length(b.serial_number)
        AND (a.rounded OR b.rounded) AND {_PAYER}""",
    f"{_NEAR} AND a.code = b.code",
    f"{_NEAR} AND a.last_word = b.serial_number",
    f"{_NEAR} AND b.last_word = a.serial_number",
    f"{_NEAR} AND a.payer = b.payer AND a.day = b.day AND (a.composed OR b.composed)",
    # A short number may begin anew every day.
    f"""a.serial_number = b.serial_number AND length(a.serial_number) >= 10 AND a.amount_fen = b.amount_fen AND {_PAYER}
        AND abs(a.day - b.day) <= {DAYS_APART} AND {one_account("a", "b")}""",
    f"""a.beside_day = b.beside_day AND a.amount_fen = b.amount_fen AND {_PAYER}
        AND abs(a.day - b.day) <= {DAYS_APART} AND {one_account("a", "b")}""",
)


def alike(a: str, b: str, also: str = "true") -> str:
    """SQL of (a_id, b_id): rows that may be one transfer, of the same amount: under two numbers a day apart at most,
    under one long number, or one that we composed with another day, some days.

    a, b: relations with `compared_columns`; also: what must hold besides, of `a` and `b`. Each way is a join by
    equality of its own: thousands who pay the same amount on one day are no square of it.
    """
    return " UNION ".join(
        f"SELECT a.id AS a_id, b.id AS b_id FROM {a} a JOIN {b} b ON {way} WHERE {also}"  # noqa: S608  # our own words
        for way in _ALIKE
    )


_UNSEEN: Final = "b.id < a.id AND NOT a.looked_at AND (a.unit_id = b.unit_id) IS NOT FALSE"
_STANDING: Final = "amount_fen > 0 AND x.state NOT IN ('taken_back', 'set_aside')"
COUNTED_TWICE: Final = f"""
WITH k AS MATERIALIZED (
    SELECT {compared_columns("x")}, s.unit_id, x.conflicts_with_id IS NOT NULL OR EXISTS (SELECT FROM transfer_match m
        WHERE m.transfer_id = x.id AND m.how = 'by_hand') AS looked_at
    FROM bank_transfer x JOIN bank_statement s ON s.id = x.statement_id WHERE x.{_STANDING}
)
SELECT a.id AS a_id FROM k a JOIN k b ON a.serial_number = b.serial_number AND a.day = b.day AND b.id < a.id
    AND a.amount_fen = b.amount_fen AND a.payer = b.payer AND {one_account("a", "b")}
UNION SELECT t.a_id FROM ({alike("k", "k", _UNSEEN)}) t
"""  # noqa: S608  # our own words
"""SQL of the ids of receipts that stand beside an earlier one of the same transfer. What people looked at under another
number (a conflict, a match by hand) is theirs to judge.
"""
