"""What a configuration would rename: for `check-config --against-live`, and `simulate`."""

from collections.abc import Iterator

import sqlalchemy as sa

from deploydb.domain.formatting import counted
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.environment_names import Renaming, set_aside, with_names
from deploydb.store.configurations import configuration_at, environments_of
from deploydb.store.renames import planned
from deploydb.store.tables import deployment, hold, unmatched_fact

_KINDS = (
    ("lane", sa.select(sa.func.count(sa.distinct(deployment.c.service))), deployment.c.environment, None),
    ("deployment", sa.select(sa.func.count()), deployment.c.environment, None),
    ("hold", sa.select(sa.func.count()), hold.c.environment, hold.c.placed),
    ("unmatched fact", sa.select(sa.func.count()), unmatched_fact.c.environment, None),
)


def renaming_of(connection: sa.Connection, catalog: Catalog) -> Renaming:
    """What a catalog renames beside the configuration in force."""
    return planned(connection, catalog, environments_of(configuration_at(connection)))


def by_stored_names(connection: sa.Connection, catalog: Catalog) -> Catalog:
    """The catalog with the names that its environments have in the database, where it renames them."""
    return with_names(catalog, renaming_of(connection, catalog).carried)


def carried_along(connection: sa.Connection, plan: Renaming) -> Iterator[str]:
    """What a renaming carries along, sets aside and refuses, a line each."""
    for new, old in sorted(plan.carried.items()):
        yield f"{old} becomes {new}: {_found(connection, old) or 'nothing has been there yet'}"
        before = _found(connection, new)
        if before:
            yield f"{new} was a name before: {before}, set aside as {set_aside(new, plan.names.number)}"
    for name, earlier in sorted(plan.refused.items()):
        yield (
            f"{name} carries nothing on of {earlier}: both are environments already; "
            f"go back to {earlier} alone, and rename it then"
        )


def _found(connection: sa.Connection, environment: str) -> str:
    """What has the name of an environment. Costs the number of deployments."""
    parts = []
    for noun, count, column, condition in _KINDS:
        statement = count.where(column == environment)
        number = connection.execute(statement if condition is None else statement.where(condition)).scalar_one()
        parts += [counted(number, noun)] if number else []
    return ", ".join(parts)
