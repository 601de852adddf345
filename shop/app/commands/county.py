"""`shop county …`: division codes that change."""

from datetime import datetime
from typing import Annotated

import typer

from shop.app.commands.run import run, with_database

county = typer.Typer(help="Division codes.", no_args_is_help=True)


@county.callback()
def counties() -> None:
    """Division codes."""


@county.command()
def succeed(
    code: str,
    successor_code: str,
    *,
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of the new code.")],
    source: Annotated[str, typer.Option(help="The announcement; it stands in the audit.")],
) -> None:
    """From a day on SUCCESSOR_CODE stands for CODE: designations, pairings and origins pass on. It holds at once."""
    from shop.app.commands.counties import succeed as pass_on  # noqa: PLC0415  # each command loads what it needs

    run(with_database(lambda database: pass_on(database, code, successor_code, since.date(), source)))
