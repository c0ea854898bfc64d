"""`token`: bearer tokens."""

import click

from deploydb.identity import APPROVE, READ, SCOPES, new_token, token_line


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
