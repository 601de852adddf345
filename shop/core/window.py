"""Dated rows hold in [valid_from, valid_to): the day on which one ends is the first of the next."""


def in_force(row: str, day: str, *, unknown: bool = False) -> str:
    """SQL of whether a row, by its alias, holds on a day or at a moment, which is SQL too; an open end never comes.

    unknown: since when it holds may be known to nobody (NULL); then it does.
    """
    began = f"{row}.valid_from <= {day}"
    began = f"({row}.valid_from IS NULL OR {began})" if unknown else began
    return f"({began} AND ({row}.valid_to IS NULL OR {row}.valid_to > {day}))"
