"""`shop credit …`: seal, verify, export, keys."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from shop.app.commands.run import AsJson, run, said, with_database
from shop.app.commands.seals import export_to, keys_now, public_key, replace_key, seal_now, verify_now

credit = typer.Typer(help="Seals over the credit ledger.", no_args_is_help=True)


@credit.command(name="seal")
def credit_seal(
    *,
    everything: Annotated[bool, typer.Option(help="Look at all entries, e.g. after a restore.")] = False,
    as_json: AsJson = False,
) -> None:
    """Seal every entry that is in no seal yet, as the worker does by and by."""
    done = run(with_database(lambda db: seal_now(db, everything=everything)))
    typer.echo(json.dumps(done) if as_json else f"sealed {done['entries']} entries in {done['seals']} seals")


@credit.command(name="verify")
def credit_verify(
    *,
    report_file: Annotated[Path | None, typer.Option("--report", help="A report as JSON, to check as well.")] = None,
    published: Annotated[Path | None, typer.Option(help="Lines of: seal number, sha256, as made known.")] = None,
    keys: Annotated[list[str], typer.Option("--public-key", help="64 hex digits, again for each; else our own.")] = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Recompute every seal from the entries and name what differs; exit 1 if anything does."""
    report_bytes = report_file.read_bytes() if report_file else None
    known = published.read_text(encoding="utf-8") if published else ""
    found = run(with_database(lambda db: verify_now(db, report_bytes, known, keys)))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        typer.echo(found["line"])
        for one in found["differences"]:
            typer.echo(f"BAD {one['code']}: {one['said']}")
    sys.exit(0 if found["holds"] else 1)


@credit.command(name="export")
def credit_export(file: Path) -> None:
    """Write the sealed ledger to FILE, for the stand-alone checker."""
    typer.echo(f"{run(with_database(lambda db: export_to(db, file)))} bytes")


@credit.command(name="keys")
def credit_keys() -> None:
    """The keys that have sealed, with what hands one over to the next, as JSON for the stand-alone checker."""
    typer.echo(json.dumps({"items": run(with_database(keys_now))}, ensure_ascii=False, indent=2))


@credit.command(name="replace-key")
def credit_replace_key(
    reason: Annotated[str, typer.Option(help="Why the old key cannot hand over.", callback=said)],
) -> None:
    """Go on with SEAL_KEY although the key before it is lost. Where it is at hand, set SEAL_KEY_BEFORE instead."""
    run(with_database(lambda db: replace_key(db, reason=reason)))
    typer.echo("SEAL_KEY is the ledger's key from now on: make it known outside of the shop")


@credit.command(name="public-key")
def credit_public_key() -> None:
    """Print the public half of SEAL_KEY: publish it outside of the shop."""
    typer.echo(public_key())
