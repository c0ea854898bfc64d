"""Alembic's entry: runs the revisions on the connection that `store.schema` hands over."""

from alembic import context

from deploydb.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
context.run_migrations()
