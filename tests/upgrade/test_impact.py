"""What `store.revision_impact` has of each revision, beside what databases do."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from deploydb.store.engine import open_engine
from deploydb.store.revision_impact import IMPACTS
from tests.conftest import needs_servers
from tests.upgrade.old_store import upgrade

HELD = """SELECT relname, mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation WHERE pid = pg_backend_pid()"""


@needs_servers
def test_postgresql_locks_what_the_impact_names(empty_postgresql_url: str) -> None:
    engine = open_engine(empty_postgresql_url, name="tests")
    found = {}
    for revision, impact in IMPACTS.items():
        with engine.begin() as connection:
            there = {*sa.inspect(connection).get_table_names()} - {"alembic_version"}
            upgrade(connection, revision)
            held = [(table, mode) for table, mode in connection.exec_driver_sql(HELD) if table in there]
        locks = {table for table, mode in held if mode == "AccessExclusiveLock"}
        blocks = {table for table, mode in held if mode in ("ShareLock", "ShareRowExclusiveLock")} - locks
        found[revision] = (tuple(sorted(locks)), tuple(sorted(blocks)))
        assert {table for table, mode in held if mode == "RowExclusiveLock"} <= {*impact.changes}, revision
    engine.dispose()
    assert found == {name: (impact.locks, impact.blocks_writes) for name, impact in IMPACTS.items()}


def test_a_revision_that_takes_away_or_narrows_stops_older_processes(tmp_path: Path) -> None:
    """Expand first, by what older processes need not know: a table, a column that may be empty or has a default."""
    engine = open_engine(f"sqlite:///{tmp_path}/steps.db", name="tests")
    narrowed = {}
    before: dict[str, dict[str, Any]] = {}
    for revision in IMPACTS:
        with engine.begin() as connection:
            upgrade(connection, revision)
            after = _tables(connection)
        found = [table for table, shape in before.items() if not _is_wider(shape, after.get(table))]
        if found:
            narrowed[revision] = found
        before = after
    engine.dispose()
    assert narrowed == {"0007": ["hold"], "0010": ["verification"], "0018": ["live_interval"]}
    assert narrowed.keys() <= {name for name, impact in IMPACTS.items() if impact.stops}, "give each one `stops`"


def _tables(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    tables = sa.MetaData()
    tables.reflect(connection)
    look = sa.inspect(connection)
    return {
        table.name: {
            "columns": {column.name: column for column in table.columns},
            "key": tuple(table.primary_key.columns.keys()),
            "unique": {
                *(tuple(one["column_names"]) for one in look.get_unique_constraints(table.name)),
                *(tuple(one["column_names"]) for one in look.get_indexes(table.name) if one["unique"]),
            },
            "checks": {one["sqltext"] for one in look.get_check_constraints(table.name)},
        }
        for table in tables.sorted_tables
    }


def _is_wider(before: dict[str, Any], after: dict[str, Any] | None) -> bool:
    """Whether what reads and writes the one table can do so with the other."""
    if after is None or any(before[part] != after[part] for part in ("key", "unique", "checks")):
        return False
    columns = after["columns"]
    kept = all(
        name in columns and str(columns[name].type) == str(one.type) and columns[name].nullable >= one.nullable
        for name, one in before["columns"].items()
    )
    added = (one for name, one in columns.items() if name not in before["columns"])
    return kept and all(one.nullable or one.server_default is not None for one in added)
