"""Databases of older revisions, with the rows that the DeployDB of that time has left in them."""

import json
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from deploydb.store.engine import open_engine

STORES = Path(__file__).parent / "stores"
"""A file for each revision that was the newest one of a commit on the main line: `record_store.py` makes it."""


def upgrade(connection: sa.Connection, revision: str) -> None:
    """Take the revisions up to this one."""
    configuration = Config()
    configuration.set_main_option("script_location", str(files("deploydb.store") / "migrations"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def make_store(url: str, revision: str) -> sa.Engine:
    """Have the empty database at the URL be what the store of that revision was."""
    engine = open_engine(url, name="tests")
    with engine.begin() as connection:
        upgrade(connection, revision)
        fill(connection, revision)
    return engine


def fill(connection: sa.Connection, revision: str) -> None:
    """Insert the rows of the recorded store into the tables of its revision."""
    recorded: dict[str, list[dict[str, Any]]] = json.loads((STORES / f"{revision}.json").read_text(encoding="utf-8"))
    tables = sa.MetaData()
    tables.reflect(connection)
    zone = connection.dialect.name == "postgresql"
    for table in tables.sorted_tables:
        if table.name == "alembic_version" or not recorded.get(table.name):
            continue
        times = {column.name for column in table.columns if isinstance(column.type, sa.DateTime)}
        for row in recorded[table.name]:
            connection.execute(table.insert().values({k: _time(v, zone) if k in times else v for k, v in row.items()}))
        if zone:
            _count_on(connection, table)


def _time(text: str, zone: bool) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00" if zone else text)


def _count_on(connection: sa.Connection, table: sa.Table) -> None:
    """Have identity columns go on behind the rows."""
    for column in table.columns:
        if column.identity is not None:
            name = f'"{column.name}"'
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), max({name})) FROM {table.name}"
            )
