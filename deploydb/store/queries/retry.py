"""The version that another attempt is about where none is named."""

import sqlalchemy as sa

from deploydb.store.queries.why import last_to_run
from deploydb.store.tables import deployment


def version_to_retry(connection: sa.Connection, service: str, environment: str) -> str | None:
    """The version of the lane's last rollback, or else last deploy, that failed with none after it; else what runs.

    Index: `ix_deployment_history`.
    """
    commanded = (
        sa.select(deployment.c.version, deployment.c.status, deployment.c.kind)
        .where(
            deployment.c.service == service,
            deployment.c.environment == environment,
            deployment.c.requested_at.is_not(None),
        )
        .order_by(deployment.c.happened_at.desc(), deployment.c.id.desc())
    )
    for kinds in (("deploy", "rollback"), ("deploy",)):
        last = connection.execute(commanded.where(deployment.c.kind.in_(kinds)).limit(1)).first()
        if last is not None and last.status == "FAILED":
            return str(last.version)
    runs = last_to_run(connection, service, environment)
    return connection.execute(sa.select(deployment.c.version).where(deployment.c.id == runs)).scalar()
