"""`check-config`, and `config show`."""

from datetime import datetime
from pathlib import Path

import click
from msgspec.structs import replace

from deploydb.cli.database import opened
from deploydb.cli.in_flight import affected, live_catalog, show_affected, write_files
from deploydb.cli.options import past_option
from deploydb.cli.output import is_shown, output_option, show_json, show_line
from deploydb.cli.renames import carried_along, renaming_of
from deploydb.configuration import KINDS, json_schema, load
from deploydb.domain.formatting import counted, listed
from deploydb.domain.model.errors import Misconfigured, NotFound
from deploydb.domain.suggestions import suggestion
from deploydb.domain.unsafe_characters import visible
from deploydb.exit_codes import ExitCode
from deploydb.settings import from_environment
from deploydb.store.configurations import configuration_at
from deploydb.store.engine import reading
from deploydb.store.queries.replay import read_only
from deploydb.store.schema import require_current


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of every kind of file instead.")
@click.option("--kind", type=click.Choice(KINDS), help="With --schema: of this kind of file alone, for an editor.")
@click.option(
    "--against-live",
    is_flag=True,
    help="List what it renames, and the releases in flight that it affects, by DEPLOYDB_DATABASE_URL.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 where there is a warning, too.")
def check_config(directory: Path | None, *, schema: bool, kind: str | None, against_live: bool, strict: bool) -> None:
    """Check a configuration DIRECTORY (by default DEPLOYDB_CONFIG) and print every problem at once.

    A problem is a line `file:line:column: message`. Exits with 0 where there is none, with 1 where there is. A warning,
    such as of a circular wait or of an unused promotion, has `warning:` before its message. With --strict it is a
    problem.

    \b
    Examples:
      deploydb check-config config
      deploydb check-config config --against-live
      deploydb check-config --schema > deploydb.schema.json
      deploydb check-config --schema --kind services > services.schema.json
    """
    if kind is not None and not schema:
        raise click.UsageError("--kind says which schema to print: give --schema, too")
    if schema:
        show_json(json_schema(kind))
        return
    checked = directory or from_environment().config
    loaded = load(checked, warned=True)
    problems = sorted((*loaded.problems, *loaded.missing))
    for problem in problems:
        click.echo(str(problem))
    if loaded.catalog is None or problems:
        incomplete = loaded.catalog.incomplete if loaded.catalog is not None else {}
        without = f"; {listed(sorted(incomplete), 'and')} would take no releases" if incomplete else ""
        click.echo(f"{checked}: {counted(len(problems), 'problem')}{without}", err=True)
        raise SystemExit(ExitCode.FAILED)
    for warning in loaded.warnings:
        click.echo(str(replace(warning, message=f"warning: {warning.message}")))
    found = ", ".join(
        counted(len(getattr(loaded.catalog, f"{name}s")), name)
        for name in ("service", "pipeline", "environment", "promotion")
    )
    warned = f", {counted(len(loaded.warnings), 'warning')}" if loaded.warnings else ""
    click.echo(f"{checked}: {found}, no problems{warned}", err=True)
    if against_live:
        with opened("check-config", absent="nothing is in flight") as engine:
            require_current(engine)
            with read_only(engine) as connection:
                for line in carried_along(connection, renaming_of(connection, loaded.catalog)):
                    click.echo(line)
                show_affected(affected(connection, loaded.catalog, live_catalog(connection)))
    if strict and loaded.warnings:
        raise SystemExit(ExitCode.FAILED)


@click.group()
def config() -> None:
    """The configuration in force.

    \b
    Example:
      deploydb config show --at 3d
    """


@config.command("show")
@click.argument("file", required=False)
@past_option("--at", help="That was in force then: 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d.")
@click.option("--to", type=click.Path(path_type=Path), help="Write the files into this new directory.")
@output_option
def show_config(file: str | None, at: str | None, to: Path | None, output: str) -> None:
    """The files of the configuration that is or was in force, or one FILE of it, such as services/storefront.yml.

    Reads the database at DEPLOYDB_DATABASE_URL. `deploydb events --type configuration.changed` lists the changes.

    \b
    Examples:
      deploydb config show --at 3d
      deploydb config show pipelines/main.yml --at 2026-11-22T12:00:00Z
      deploydb config show --at 1w --to before && deploydb simulate --config config --against before
    """
    with opened("config show", absent="nothing has happened here yet") as engine:
        require_current(engine)
        with reading(engine) as connection:
            found = configuration_at(connection, datetime.fromisoformat(at) if at is not None else None)
    if found is None:
        raise NotFound(f"no configuration was in force {f'at {at}' if at is not None else 'yet'}: promote records it")
    files = found.files if file is None else {name: text for name, text in found.files.items() if name == file}
    if not files:
        raise NotFound(f"the configuration had no file {file}{suggestion(file or '', found.files)}")
    if to is not None:
        _write(files, to)
    since = found.since.isoformat()
    body = {"digest": found.digest, "since": since, "host": found.host, "event": found.event, "files": files}
    if is_shown(output, body, lambda: files) or to is not None:
        return
    for name, text in files.items():
        if file is None:
            show_line(f"# {name}")
        click.echo(visible(text))
    click.echo(f"in force since {since}, on {found.host} (digest {found.digest[:12]})", err=True)


def _write(files: dict[str, str], folder: Path) -> None:
    if folder.exists():
        raise Misconfigured(f"{folder} exists: name a directory that is to be made")
    write_files(files, folder)
