"""The releases in flight that another configuration affects: for `check-config --against-live`, and `simulate`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import sqlalchemy as sa

from deploydb.cli.output import show_table
from deploydb.cli.renames import by_stored_names
from deploydb.configuration import load
from deploydb.domain.formatting import counted
from deploydb.domain.model.catalog import Catalog
from deploydb.engine.in_flight import Effect, effects
from deploydb.query.column import Column
from deploydb.store.configurations import configuration_at
from deploydb.store.promotion import services_in_flight
from deploydb.store.snapshot import snapshots

_AT_ONCE = 200

_COLUMNS = (
    Column("SERVICE"),
    Column("ENVIRONMENT"),
    Column("VERSION", "version"),
    Column("IN FLIGHT", "text"),
)


def live_catalog(connection: sa.Connection) -> Catalog | None:
    """The catalog in force, as promote recorded it; None where it recorded none that this DeployDB can read."""
    found = configuration_at(connection)
    if found is None:
        return None
    with TemporaryDirectory() as folder:
        write_files(found.files, Path(folder))
        return load(Path(folder)).catalog


def write_files(files: dict[str, str], folder: Path) -> None:
    """Write the files of a configuration below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def affected(
    connection: sa.Connection, catalog: Catalog, live: Catalog | None, service: str | None = None
) -> list[Effect]:
    """The effects of a catalog on the releases in flight, of one service or all, beside those of the one in force."""
    now = datetime.now(UTC)
    catalog = by_stored_names(connection, catalog)
    live = by_stored_names(connection, live) if live is not None else None
    found: list[Effect] = []
    flying = [name for name in services_in_flight(connection, catalog) if service in (None, name)]
    for first in range(0, len(flying), _AT_ONCE):
        services = flying[first : first + _AT_ONCE]
        restaged = [name for name in services if _is_restaged(name, catalog, live)]
        for snapshot in snapshots(connection, services, catalog, now, lock=False, restaged=restaged):
            found += effects(catalog, snapshot, now, live)
    return found


def show_affected(found: Sequence[Effect], most: int | None = None) -> None:
    """A row for each; how many there are goes to standard error."""
    shown = found[:most]
    rows = [[one.service, one.environment, one.version, one.effect] for one in shown]
    if rows:
        show_table(_COLUMNS, rows, empty="")
    releases = {(one.service, one.module, one.version) for one in found}
    left = f"; {len(found) - len(shown)} more rows: --all shows them" if len(shown) < len(found) else ""
    click.echo(f"in flight: {counted(len(releases), 'release')} affected{left}", err=True)


def _is_restaged(service: str, catalog: Catalog, live: Catalog | None) -> bool:
    return live is None or live.stages_digest(service) != catalog.stages_digest(service)
