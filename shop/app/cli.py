"""The `shop` command. Exit codes: 0 done, 1 it went wrong (and says why), 2 asked the wrong way."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Annotated

import typer

from shop.access.demo_accounts import refuse_demo
from shop.app.commands.county import county
from shop.app.commands.credit import credit
from shop.app.commands.run import AsJson, run, said, with_database
from shop.app.commands.user import user
from shop.core import logging, telemetry
from shop.core.database import open_database, owner_url
from shop.core.refusals import told_in_a_line
from shop.core.settings import Settings

if TYPE_CHECKING:
    from shop.app.commands.kept_files import Checked

app = typer.Typer(help="帮扶商城 Bangfu", no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(user, name="user")
app.add_typer(county, name="county")
report = typer.Typer(help="Reports.", no_args_is_help=True)
app.add_typer(report, name="report")
app.add_typer(credit, name="credit")


DEMO_ACCOUNTS = (
    "employee", "outside", "union.buyer", "union.approver", "union.receiver", "canteen", "canteen.receiver",
    "staff", "staff.second", "county", "supplier", "auditor", "admin",
)  # fmt: skip


def main() -> None:
    """What a verb refuses is said in a line; what nobody expected keeps its traceback."""
    with told_in_a_line():
        app()


# --- running ---------------------------------------------------------------------------------------------------------


@app.command()
def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    worker: Annotated[bool, typer.Option(help="Run a worker beside the web process.")] = True,
) -> None:
    """The shop: web and worker. In development it migrates, and an empty database gets the demo catalogue."""
    settings = Settings()
    logging.configure(production=settings.production)
    web = [sys.executable, "-m", "shop.app.main", "--host", host, "--port", str(port)]
    here = f"http://{host}:{port}"
    environment = os.environ | ({} if settings.production else {"PUBLIC_URL": os.environ.get("PUBLIC_URL", here)})
    if not settings.production:
        asyncio.run(_prepare_development(settings))
        typer.echo(f"\n  商城 {here}    接口 {here}/docs    就绪 {here}/readyz")
        typer.echo(
            f"  演示账号（密码 demo-password-2026）：{'  '.join(f'{name}@demo.test' for name in DEMO_ACCOUNTS)}\n"
        )
    if not worker:
        os.execve(web[0], web, environment)  # noqa: S606  # nothing of this process is needed any more
    sys.exit(_side_by_side({"web": web, "worker": [sys.executable, "-m", "shop.app.cli", "work"]}, environment))


def _side_by_side(commands: dict[str, list[str]], environment: dict[str, str]) -> int:
    """Run until told to stop, or until one of them ends: then the others are stopped too, and that is an error."""
    running = {name: subprocess.Popen(command, env=environment) for name, command in commands.items()}
    told: list[int] = []
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda number, _: told.append(number))
    while not told and all(process.poll() is None for process in running.values()):
        sleep(0.2)
    ended = [
        f"{name} ended with {process.returncode}" for name, process in running.items() if process.poll() is not None
    ]
    for process in running.values():
        if process.poll() is None:
            process.terminate()
    for process in running.values():
        process.wait()
    if told:
        return 0
    typer.echo("; ".join(ended), err=True)
    return 1


@app.command()
def work() -> None:
    """The worker: everything that happens by itself."""
    from shop.app.worker import work_until_signalled  # noqa: PLC0415  # each command loads what it needs

    stop_tracing = telemetry.trace_to_collector("bangfu-worker")
    try:
        run(work_until_signalled(Settings()))
    finally:
        stop_tracing()


@app.command()
def migrate() -> None:
    """Bring the schema up to date: migrations, months ahead, the application's rights. Needs DATABASE_OWNER_URL."""
    from shop.app.migrate import make_ready, newest_revision  # noqa: PLC0415

    settings = Settings()
    for step in run(make_ready(settings, owner_url(settings))):
        again = f", {step.tries} tries" if step.tries > 1 else ""
        typer.echo(f"{step.seconds * 1000:7.0f} ms  {step.name}{again}")
    typer.echo(f"schema {settings.database_schema} is at {newest_revision()}")


# --- data ------------------------------------------------------------------------------------------------------------


@app.command()
def seed(
    *, demo: Annotated[bool, typer.Option("--demo", help="People, units and goods of the demo too.")] = False
) -> None:
    """Load counties and designations; with --demo the fictitious people and the sample catalogue."""
    from shop.app.demo.seed import seed as bring  # noqa: PLC0415

    if demo:
        refuse_demo(Settings())
    run(with_database(lambda database: bring(database, demo=demo)))


async def _prepare_development(settings: Settings) -> None:
    from shop.app.demo.seed import is_empty, seed  # noqa: PLC0415
    from shop.app.migrate import make_ready  # noqa: PLC0415

    await make_ready(settings, owner_url(settings))
    database = await open_database(settings)
    try:
        if await is_empty(database):
            await seed(database, demo=True)
    finally:
        await database.close()


@app.command()
def demo() -> None:
    """Play one day of the shop through HTTP, then print the report and check the figures."""
    from shop.app.demo.play import play  # noqa: PLC0415

    refuse_demo(Settings())
    sys.exit(run(play()))


@app.command(name="import")
def import_(
    kind: str,
    file: Annotated[Path | None, typer.Argument(help="csv or xlsx")] = None,
    *,
    template: Annotated[bool, typer.Option("--template", help="Print the header with one example row.")] = False,
    channel: Annotated[
        str | None,
        typer.Option(help="Of sales made elsewhere, e.g. platform_832; left out, the file's column says it."),
    ] = None,
    acknowledge: Annotated[
        list[str] | None,
        typer.Option(help="Title of a column that nobody need read; once for each that the refusal names."),
    ] = None,
) -> None:
    """Load a file, staged like every import: first every row is checked, then all of it counts, or nothing."""
    from shop.app.commands import imports as upload  # noqa: PLC0415

    if template:
        typer.echo(upload.template(kind))
        return
    if file is None:
        raise typer.BadParameter("FILE is missing")
    content = file.read_bytes()
    done = run(
        with_database(
            lambda database: upload.load(
                database, kind=kind, name=file.name, content=content, channel=channel, acknowledged=acknowledge or ()
            )
        )
    )
    typer.echo(json.dumps(done, ensure_ascii=False, default=str))


# --- asking ----------------------------------------------------------------------------------------------------------


@app.command()
def openapi() -> None:
    """The OpenAPI document of the HTTP interface."""
    from shop.app.main import create_app  # noqa: PLC0415

    typer.echo(json.dumps(create_app(Settings()).openapi(), ensure_ascii=False, indent=2))


@report.command(name="sales")
def report_sales(
    since: Annotated[str, typer.Option("--from", help="First business day, inclusive.")],
    until: Annotated[str, typer.Option("--to", help="Last business day, exclusive.")],
    *,
    group_by: Annotated[str, typer.Option(help="Comma list, e.g. county,month.")] = "",
    kind: str = "",
    scope: str = "",
    channel: str = "",
    fund_source: str = "",
    unit: Annotated[str, typer.Option(help="Id of the unit asked about; the whole shop if left out.")] = "",
    county: str = "",
    producer: str = "",
    campaign: str = "",
    view: str = "event_day",
    known_at: str = "",
    format_: Annotated[str, typer.Option("--format", help="json or csv; a table if left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """What was credited, to whom, and what was not counted and why: the same figures as over HTTP."""
    from shop.app.commands.reports import print_sales  # noqa: PLC0415

    asked = {
        "from": since, "to": until, "group_by": group_by, "kind": kind, "scope": scope, "channel": channel,
        "fund_source": fund_source, "unit": unit, "county": county, "producer": producer, "campaign": campaign,
        "view": view, "known_at": known_at, "format": format_,
    }  # fmt: skip
    run(with_database(lambda db: print_sales(db, asked, as_json=as_json or format_ == "json")))


@app.command(name="replace-secret")
def replace_secret(
    reason: Annotated[str, typer.Option(help="Why no secret opens what the database keeps.", callback=said)],
) -> None:
    """Go on with SECRET_KEY although each one before it is lost. With one at hand, set SECRET_KEY_FALLBACKS instead."""
    from shop.app.commands.secrets import replace_lost  # noqa: PLC0415

    run(replace_lost(reason))
    typer.echo("pseudonyms are new, and payers' accounts are to be remembered again")


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Check settings, database, Chinese text, fonts, Stripe keys and the clock."""
    from shop.app.commands.doctor import examine  # noqa: PLC0415

    found = asyncio.run(examine())
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in found], ensure_ascii=False))
    else:
        for finding in found:
            typer.echo(f"{'ok ' if finding.ok else 'BAD'} {finding.name}: {finding.said}")
    sys.exit(0 if all(finding.ok for finding in found) else 1)


@app.command()
def reconcile(*, as_json: AsJson = False) -> None:
    """Ask the payment provider about every open payment and refund now, then compare the books.

    What differs and what waits is printed with its owner and reason. Exit code 1: the books differ.
    """
    from shop.app.commands.payments import reconcile_all  # noqa: PLC0415

    done = run(with_database(reconcile_all))
    differences = [one for one in done.named if not one["waits"]]
    waiting = [one for one in done.named if one["waits"]]
    if as_json:
        told = {"asked": done.asked, "holds": done.holds, "differences": differences, "waiting": waiting}
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo(f"asked about {done.asked}")
        for one in done.named:
            typer.echo(f"{one['code']} {one['subject']} [{one['owner']}] {one['said']}；{one['reason']}")
        waits = f"; {len(waiting)} wait for a person" if waiting else ""
        typer.echo(f"the books balance{waits}" if done.holds else f"the books differ: {done.differences}{waits}")
    if not done.holds:
        raise typer.Exit(1)


@app.command()
def backup(
    file: Path, *, files: Annotated[bool, typer.Option(help="Also copy the kept files, to FILE.files.")] = True
) -> None:
    """Write the whole database to FILE (pg_dump's custom format), and the files that it names to the folder FILE.files.

    A later backup to the same name copies only files that came since. Use --no-files where the store of files is backed
    up by itself.
    """
    from shop.app.commands.dump import dump  # noqa: PLC0415
    from shop.app.commands.kept_files import copied  # noqa: PLC0415

    run(dump(Settings(), file))
    typer.echo(f"{file}: {file.stat().st_size:,} bytes")
    if files:
        _told(copied(file.with_name(f"{file.name}.files")))


@app.command()
def restore(file: Path, *, yes: Annotated[bool, typer.Option(help="Do not ask.")] = False) -> None:
    """Replace what is in the database by FILE. Files missing in the store come from FILE.files; all are checked."""
    from shop.app.commands.dump import restore as bring_back  # noqa: PLC0415
    from shop.app.commands.kept_files import brought  # noqa: PLC0415

    if not yes:
        typer.confirm("This replaces everything in the database. Go on?", abort=True)
    run(bring_back(Settings(), file))
    typer.echo("the database is back")
    _told(brought(file.with_name(f"{file.name}.files")))


def _told(checked: "Checked") -> None:
    """Of kept files. Leaves with 1 where one is not what the database says."""
    for word, digests in (("missing", checked.missing), ("changed", checked.changed)):
        for sha in digests:
            typer.echo(f"{word}: {sha}", err=True)
    typer.echo(f"{checked.files} files, {len(checked.missing)} missing, {len(checked.changed)} changed")
    if checked.missing or checked.changed:
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
