"""What environments are called, and were called."""

import sqlalchemy as sa

from deploydb.store.tables.base import metadata

environment_name = sa.Table(
    "environment_name",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("taken", sa.Integer),
)
"""The names that environments had (`domain.model.environment_names`); without a rename there are none. `environment`:
what is called now what the name means. `taken`: of a name that an environment got in the place of another one, the
change by which it got it. Written by the change of the configuration, with `revision.names`."""
