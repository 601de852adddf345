"""`shop user …`: what is typed for an account; `accounts` does it."""

from typing import Annotated, cast, get_args

import typer

from shop.access.demo_accounts import is_demo, refuse_demo
from shop.access.permissions import Grant, Role, ScopeKind
from shop.app.commands.run import run, with_database
from shop.core.settings import Settings

user = typer.Typer(help="Accounts.", no_args_is_help=True)

Password = Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="SHOP_PASSWORD")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the audit.")]


@user.command()
def create(email: str, name: str, *, phone: str | None = None, password: Password) -> None:
    """A new account; grant it a role afterwards."""
    from shop.app.commands import accounts  # noqa: PLC0415

    if is_demo(email):
        refuse_demo(Settings())
    made = run(with_database(lambda db: accounts.create(db, email=email, name=name, phone=phone, password=password)))
    typer.echo(made)


@user.command()
def grant(email: str, role: Role, scope_kind: str = "all", scope_id: str = "*") -> None:
    """A role from today on. SCOPE_KIND: all, unit, county, producer or supplier; SCOPE_ID: its id (a county's code)."""
    from shop.app.commands import accounts  # noqa: PLC0415

    held = _grant(role, scope_kind, scope_id)
    run(with_database(lambda db: accounts.grant(db, email=email, grant=held)))


@user.command()
def revoke(email: str, role: Role, scope_kind: str = "all", scope_id: str = "*", *, reason: Reason = "cli") -> None:
    """A role is held no more, from this second on; name it as it was granted. Exit code 1: it was not held."""
    from shop.app.commands import accounts  # noqa: PLC0415

    held = _grant(role, scope_kind, scope_id)
    run(with_database(lambda db: accounts.revoke(db, email=email, grant=held, reason=reason)))


@user.command()
def leave(email: str) -> None:
    """Who works at a unit leaves it today, his roles there end, the account stays. Exit code 1: he worked nowhere."""
    from shop.app.commands import accounts  # noqa: PLC0415

    run(with_database(lambda db: accounts.leave(db, email=email)))
    typer.echo("已离开单位，账号保留。")


@user.command()
def suspend(email: str, *, reason: Reason = "cli") -> None:
    """Nobody signs in with this account any more, and whoever is signed in is out within a second."""
    from shop.app.commands import accounts  # noqa: PLC0415

    run(with_database(lambda db: accounts.suspend(db, email=email, reason=reason)))


@user.command()
def reinstate(email: str, *, reason: Reason = "cli") -> None:
    """A suspended account may sign in again, with the password and the roles it had."""
    from shop.app.commands import accounts  # noqa: PLC0415

    run(with_database(lambda db: accounts.reinstate(db, email=email, reason=reason)))


@user.command()
def reset(email: str, *, password: Password) -> None:
    """A new password; whoever was signed in is signed out."""
    from shop.app.commands import accounts  # noqa: PLC0415

    run(with_database(lambda db: accounts.reset(db, email=email, password=password)))


def _grant(role: Role, scope_kind: str, scope_id: str) -> Grant:
    if scope_kind not in get_args(ScopeKind):
        raise typer.BadParameter(f"SCOPE_KIND is one of {', '.join(get_args(ScopeKind))}")
    return Grant(role, cast("ScopeKind", scope_kind), scope_id)
