"""Dated rows hold in [valid_from, valid_to): the day on which one ends is the first of the next."""


def in_force(row: str, day: str, *, unknown: bool = False) -> str:
    """SQL of whether a row holds on a day or at a moment, which is SQL too; an open end never comes.

    row: its alias; "" where there is only one. unknown: since when it holds may be known to nobody (NULL); so it does.
    """
    since, until = (f"{row}.{name}" if row else name for name in ("valid_from", "valid_to"))
    began = f"{since} <= {day}"
    began = f"({since} IS NULL OR {began})" if unknown else began
    return f"({began} AND ({until} IS NULL OR {until} > {day}))"
