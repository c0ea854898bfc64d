"""`db`: the schema."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine

from deploydb.cli.output import show_json, show_table
from deploydb.domain.formatting import listed
from deploydb.domain.model.errors import Misconfigured
from deploydb.exit_codes import ExitCode
from deploydb.query.column import Column
from deploydb.settings import from_environment
from deploydb.store.engine import open_engine, reading
from deploydb.store.privileges import missing_roles
from deploydb.store.schema import Plan, PlannedRevision, require_current
from deploydb.store.schema import migrate as migrate_schema
from deploydb.store.schema import plan as plan_schema

_CURRENT = "the schema is current"
_PLAN = (Column("REVISION"), Column("DOES", "text"), Column("MEANWHILE", "text"), Column("OLDER PROCESSES", "text"))


@click.group()
def db() -> None:
    """The database's schema and roles: bring it up to date, check it, print the rights.

    \b
    Example:
      deploydb db migrate
    """


@db.command()
@click.option("--plan", "planned", is_flag=True, help="Print what it would do, and change nothing.")
@click.option(
    "--wait",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another migration, and for tables that other sessions have locked; "
    "on SQLite 10 at least.",
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="The form of the plan.")
def migrate(planned: bool, wait: int, output: str) -> None:
    """Bring the schema up to date. Harmless to repeat; run it once for each new version, before its workers.

    All revisions are one transaction: killed halfway, it has changed nothing. On PostgreSQL one runs at a time, and the
    roles of `deploydb db roles` that may read the database get their rights on new tables. A newer database that
    permits this version is left as it is.

    With --plan the exit code is 0 where processes may run meanwhile, or nothing is to be done, and 5 where those of the
    database's revision have to be stopped before.

    \b
    Examples:
      DEPLOYDB_DATABASE_URL=postgresql://owner:…@db/deploydb deploydb db migrate
      deploydb db migrate --plan
    """
    if planned:
        plan = _plan()
        if output == "json":
            show_json(_plan_body(plan))
        else:
            _show_plan(plan)
        if plan.stops:
            sys.exit(ExitCode.STOP_PROCESSES)
        return
    with opened("migrate") as engine:
        taken = migrate_schema(engine, wait=timedelta(seconds=wait))
        with reading(engine) as connection:
            lacking = missing_roles(connection)
    for revision in taken:
        click.echo(revision)
    click.echo(f"took {len(taken)} revision{'s' if len(taken) > 1 else ''}" if taken else _CURRENT, err=True)
    if lacking:
        click.echo(f"missing roles: {', '.join(lacking)}; make them with `deploydb db roles`", err=True)


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

    Run it as the owner of the database and its tables, the first time as a user who may create roles. Run it again
    where `deploydb db migrate` names missing roles. It sets no password.

    No process needs the owner's role; `deploydb db migrate` does.

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


def _plan() -> Plan:
    if _absent(from_environment().database_url) is not None:
        return plan_schema(None)
    with opened("plan") as engine:
        return plan_schema(engine)


def _plan_body(plan: Plan) -> dict[str, Any]:
    return {
        "found": plan.found,
        "head": plan.head,
        "stopProcesses": plan.stops,
        "pending": [
            {
                "revision": planned.revision,
                "does": planned.does,
                "locks": list(planned.impact.locks),
                "blocksWrites": list(planned.impact.blocks_writes),
                "changes": list(planned.impact.changes),
                "stops": planned.impact.stops,
            }
            for planned in plan.pending
        ],
    }


def _show_plan(plan: Plan) -> None:
    show_table(_PLAN, [_plan_row(planned, new=plan.found is None) for planned in plan.pending], empty=_CURRENT)
    if plan.pending:
        before = "stop all processes before" if plan.stops else "processes may run meanwhile"
        click.echo(f"{plan.found or 'empty'} to {plan.head}: {before}", err=True)


def _plan_row(planned: PlannedRevision, *, new: bool) -> list[str]:
    impact = planned.impact
    if new:
        return [planned.revision, planned.does, "", ""]
    parts = (("locks", impact.locks), ("blocks writes to", impact.blocks_writes), ("changes rows of", impact.changes))
    meanwhile = "; ".join(f"{verb} {listed(tables)}" for verb, tables in parts if tables)
    return [planned.revision, planned.does, meanwhile, f"stop: {impact.stops}" if impact.stops else "may run"]


@contextmanager
def opened(name: str, *, absent: str | None = None) -> Iterator[Engine]:
    """The database of the settings. Raises: Misconfigured, with `absent` where it is given and there is no file."""
    url = from_environment().database_url
    path = _absent(url)
    if absent is not None and path is not None:
        raise Misconfigured(f"there is no database {path}: {absent}")
    engine = open_engine(url, name=name)
    try:
        yield engine
    finally:
        engine.dispose()


def _absent(url: str) -> Path | None:
    """The file of SQLite that is not there: opening it would make it."""
    path = Path(url.removeprefix("sqlite:///"))
    return path if url.startswith("sqlite:///") and not path.exists() else None
