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
    """The database's schema: bring it up to date, check it.

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
    with _opened("migrate") as engine:
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
    url = from_environment().database_url
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not path.exists():  # which opening it would make
        raise Misconfigured(f"there is no database {path}: run `deploydb db migrate`")
    with _opened("check") as engine:
        require_current(engine)
    click.echo(_CURRENT, err=True)


@contextmanager
def _opened(name: str) -> Iterator[Engine]:
    engine = open_engine(from_environment().database_url, name=name)
    try:
        yield engine
    finally:
        engine.dispose()
