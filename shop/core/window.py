"""Dated rows hold in [valid_from, valid_to): the day on which one ends is the first of the next."""


def in_force(row: str, day: str, *, unknown: bool = False) -> str:
    """SQL of whether a row holds on a day or at a moment, which is SQL too; an open end never comes.

    row: its alias; "" where there is only one. unknown: since when it holds may be known to nobody (NULL); so it does.
    """
    since = f"{row}.valid_from" if row else "valid_from"
    began = f"{since} <= {day}"
    began = f"({since} IS NULL OR {began})" if unknown else began
    return f"({began} AND {not_ended(row, day)})"


def not_ended(row: str, day: str) -> str:
    """SQL of whether a row holds on that day or will: what ends later, or never."""
    until = f"{row}.valid_to" if row else "valid_to"
    return f"({until} IS NULL OR {until} > {day})"
