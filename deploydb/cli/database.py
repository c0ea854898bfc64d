"""`db`: the schema."""

import click

from deploydb.settings import from_environment
from deploydb.store.engine import open_engine
from deploydb.store.schema import migrate as migrate_schema
from deploydb.store.schema import require_current


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
    taken = migrate_schema(open_engine(from_environment().database_url, name="migrate"))
    for revision in taken:
        click.echo(revision)
    click.echo("the schema is current" if not taken else f"took {len(taken)} revisions", err=True)


@db.command()
def check() -> None:
    """Say whether the schema is the one that this DeployDB needs.

    \b
    Example:
      deploydb db check
    """
    require_current(open_engine(from_environment().database_url, name="check"))
    click.echo("the schema is current", err=True)
