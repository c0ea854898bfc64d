"""`db`: the schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import Engine

from deploydb.domain.model.errors import Misconfigured
from deploydb.settings import from_environment
from deploydb.store.engine import open_engine
from deploydb.store.schema import migrate as migrate_schema
from deploydb.store.schema import require_current

_CURRENT = "the schema is current"


@click.group()
def db() -> None:
    """The database's schema and roles: bring it up to date, check it, print the rights.

    \b
    Example:
      deploydb db migrate
    """


@db.command()
def migrate() -> None:
    """Bring the schema up to date. Harmless to repeat; run it once for each new version, before its workers.

    \b
    Example:
      DEPLOYDB_DATABASE_URL=postgresql://owner:…@db/deploydb deploydb db migrate
    """
    with opened("migrate") as engine:
        taken = migrate_schema(engine)
    for revision in taken:
        click.echo(revision)
    click.echo(f"took {len(taken)} revision{'s' if len(taken) > 1 else ''}" if taken else _CURRENT, err=True)


@db.command()
def check() -> None:
    """Say whether the schema is the one that this DeployDB needs.

    \b
    Example:
      deploydb db check
    """
    with opened("check", absent="run `deploydb db migrate`") as engine:
        require_current(engine)
    click.echo(_CURRENT, err=True)


@db.command()
def roles() -> None:
    """Print SQL for PostgreSQL: a role for each process, with the rights that it needs and no others.

    Run it as the owner of the database and its tables after each migration, the first time as a user who may create
    roles. It sets no password. No process needs the owner's role; `deploydb db migrate` does.

    \b
    Examples:
      deploydb db roles > roles.sql
      deploydb db roles | psql --set ON_ERROR_STOP=1 postgresql://owner:…@db/deploydb
    """
    from deploydb.store.privileges import statements

    click.echo(
        "-- Of `deploydb db roles`, for the owner of the database and its tables, after each `deploydb db migrate`."
    )
    click.echo("".join(f"{statement};\n" for statement in ["BEGIN", *statements(), "COMMIT"]), nl=False)


@contextmanager
def opened(name: str, *, absent: str | None = None) -> Iterator[Engine]:
    """The database of the settings. Raises: Misconfigured, with `absent` where it is given and there is no file."""
    url = from_environment().database_url
    path = Path(url.removeprefix("sqlite:///"))
    if absent is not None and url.startswith("sqlite:///") and not path.exists():  # opening it would make it
        raise Misconfigured(f"there is no database {path}: {absent}")
    engine = open_engine(url, name=name)
    try:
        yield engine
    finally:
        engine.dispose()
