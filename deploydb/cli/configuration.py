"""`check-config`."""

from pathlib import Path

import click

from deploydb.cli.output import show_json
from deploydb.configuration import json_schema, load
from deploydb.domain.gates.formatting import counted
from deploydb.settings import from_environment


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of every kind of file instead.")
def check_config(directory: Path | None, schema: bool) -> None:
    """Check a configuration DIRECTORY (by default DEPLOYDB_CONFIG) and print every problem at once.

    A problem is a line `file:line:column: message`. Exits with 0 where there is none, with 1 where there is.

    \b
    Examples:
      deploydb check-config config
      deploydb check-config --schema > deploydb.schema.json
    """
    if schema:
        show_json(json_schema())
        return
    checked = directory or from_environment().config
    loaded = load(checked)
    for problem in loaded.problems:
        click.echo(str(problem))
    if loaded.catalog is None:
        click.echo(f"{checked}: {counted(len(loaded.problems), 'problem')}", err=True)
        raise SystemExit(1)
    found = ", ".join(
        counted(len(getattr(loaded.catalog, f"{name}s")), name)
        for name in ("service", "pipeline", "environment", "promotion")
    )
    click.echo(f"{checked}: {found}, no problems", err=True)
