"""`flask --app web.wsgi users …`: accounts from the command line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from shared.accounts import operators, passwords, policy, users
from shared.errors import AppError
from shared.models import User
from web.neighbours import transaction

users_commands = AppGroup("users", help="Accounts.")


@users_commands.command("create")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@click.option("--operator", is_flag=True, help="Make it an operator's.")
def create(email: str, password_stdin: bool, operator: bool) -> None:
    """Create an account for EMAIL."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _ask()
    with _told():
        policy.check(password, users.checked_email(email))
        hashed = passwords.hash_password(password)
    with _asked() as session:
        user = users.create(session, email, hashed)
        if operator:
            operators.promote(session, email)
    click.echo(f"created {user.email}")


@users_commands.command("list")
def list_users() -> None:
    """List all accounts: address, role, state, since when."""
    for user in _all_users():
        state = "disabled" if user.disabled_at else "active"
        click.echo(f"{user.email}\t{user.role}\t{state}\t{user.created_at:%Y-%m-%d}")


@users_commands.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Let the account of EMAIL in no more, and end its sessions."""
    with _asked() as session:
        ended = operators.disable(session, email)
    click.echo(f"disabled {email}; sessions ended: {ended}")


@users_commands.command("promote")
@click.argument("email")
def promote(email: str) -> None:
    """Make the account of EMAIL an operator's."""
    with _asked() as session:
        operators.promote(session, email)
    click.echo(f"{email} is an admin")


def _all_users() -> Iterator[User]:
    """In batches: who reads the list slowly keeps no transaction open."""
    after = None
    while True:
        with transaction() as session:
            batch = operators.listed(session, after)
        if not batch:
            return
        yield from batch
        after = batch[-1].id


@contextmanager
def _asked() -> Iterator[Session]:
    """A transaction whose refusal is told on one line."""
    with _told(), transaction() as session:
        yield session


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except AppError as error:
        raise click.ClickException(error.message) from None


def _ask() -> str:
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
