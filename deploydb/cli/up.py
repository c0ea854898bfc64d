"""`deploydb up`: all of DeployDB in one command."""

import os
from pathlib import Path

import click

from deploydb.processes import become


@click.command(short_help="Run everything here, until Ctrl-C.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the embedded default.")
@click.option("--config", type=click.Path(file_okay=False, path_type=Path), help="Folder of the configuration.")
@click.option("--listen", metavar="HOST:PORT", help="Where page and API listen.")
@click.option("--listen-fd", type=int, hidden=True, help="A socket, inherited, that listens already: the tour's.")
@click.option("--verbose", is_flag=True, help="Write more into DATA/logs.")
def up(data: Path | None, config: Path | None, listen: str | None, listen_fd: int | None, verbose: bool) -> None:
    """Run everything that DeployDB is made of, until Ctrl-C; started again, it goes on where it was.

    Needs no server: data and messages are in one folder, where the other commands find them. With
    DEPLOYDB_DATABASE_URL and DEPLOYDB_BROKER_URL set, it uses PostgreSQL and RabbitMQ instead. Unless DEPLOYDB_TOKENS
    says who may sign in, you may, with the token that it keeps in DATA/token.

    \b
    Examples:
      deploydb up
      deploydb up --data /var/lib/deploydb --config /etc/deploydb --listen 127.0.0.1:8080
    """
    options = {
        "DEPLOYDB_DATA": data,
        "DEPLOYDB_CONFIG": config,
        "DEPLOYDB_LISTEN": listen,
        "DEPLOYDB_LOG_LEVEL": "debug" if verbose else None,
    }
    given = {name: str(value) for name, value in options.items() if value is not None}
    # an option takes the place of a `*_FILE` too
    kept = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in given}
    become("up", *([] if listen_fd is None else ["--listen-fd", str(listen_fd)]), environment=kept | given)
