"""`token`: bearer tokens, and the one of the person at this machine."""

import os
from pathlib import Path

import click

from deploydb.cli.telling import me
from deploydb.domain.characters import not_allowed
from deploydb.domain.errors import Misconfigured
from deploydb.identity import APPROVE, READ, SCOPES, new_token, token_line
from deploydb.private import make_folder, narrow

_FILE = "token"


@click.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=(READ, APPROVE),
    show_default=True,
    help="What it is good for; once for each.",
)
def token(name: str, scopes: tuple[str, ...]) -> None:
    """Make a bearer token for NAME: a person, or a program.

    The token is printed once, on stdout, and kept nowhere. The line for the tokens file (DEPLOYDB_TOKENS_FILE) goes to
    stderr; it holds a hash. Who says something with the token is NAME: groups in access.yml go by it. To revoke a
    token, remove its line: services read a changed file within a second.

    \b
    Examples:
      deploydb token alice --scope read --scope approve
      deploydb token jenkins --scope write 2>> /etc/deploydb/tokens
    """
    made = new_token()
    line = token_line(name, scopes, made)
    click.echo(made)
    click.echo(line, err=True)


def line_of_the_person_here(data: Path) -> str:
    """The tokens' line of whoever runs DeployDB here. Their token is in DATA/token, made where there is none.

    Raises: Misconfigured where that file holds no token.
    """
    path = data / _FILE
    make_folder(data)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        narrow(path)
        kept = path.read_text(encoding="utf-8", errors="replace").strip()
        if len(kept.split()) != 1:
            raise Misconfigured(f"{path} holds no token: remove it, and a new one is made") from None
        return token_line(_name(), SCOPES, kept)
    made = new_token()
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{made}\n")
    return token_line(_name(), SCOPES, made)


def _name() -> str:
    name = me()
    return (
        name
        if not_allowed(name) is None and len(name.split()) == 1 and not name.startswith("#")
        else f"uid-{os.getuid()}"
    )
