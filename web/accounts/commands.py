"""`flask --app web.wsgi users …`: accounts from the command line."""

import sys

import click
from flask.cli import AppGroup

from shared.accounts import passwords, users
from shared.errors import AppError
from web.neighbours import transaction

users_commands = AppGroup("users", help="Accounts.")


@users_commands.command("create")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
def create(email: str, password_stdin: bool) -> None:
    """Create an account for EMAIL."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _ask()
    try:
        hashed = passwords.hash_password(password)
        with transaction() as session:
            user = users.create(session, email, hashed)
    except AppError as error:
        raise click.ClickException(error.message) from None
    click.echo(f"created {user.email}")


def _ask() -> str:
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
