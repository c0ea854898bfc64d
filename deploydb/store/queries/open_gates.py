"""Gates of open deployments that wait for people, or cannot tell."""

import sqlalchemy as sa

from deploydb.domain.model.gate_reasons import AwaitingApproval
from deploydb.domain.model.reason_parts import codes
from deploydb.store.columns import Json, in_lanes
from deploydb.store.queries.deployments import VIEWED, DeploymentView, views
from deploydb.store.tables import UNFINISHED, deployment, verdict

_CODE = sa.type_coerce(verdict.c.reason, Json)["code"].as_string()
_OPEN = sa.or_(
    sa.and_(verdict.c.outcome == "PENDING", _CODE.in_(codes(AwaitingApproval))),
    verdict.c.outcome == "ERROR",
)
_WAITING = VIEWED.where(
    deployment.c.needs_evaluation,
    deployment.c.status.in_(UNFINISHED),
    sa.exists().where(verdict.c.deployment_id == deployment.c.id, _OPEN),
).order_by(deployment.c.id)


def with_open_gates(connection: sa.Connection, service: str | None = None) -> list[DeploymentView]:
    """The open deployments with a gate that waits for people, or cannot tell, by id. Costs what is open. Indexes:
    `ix_deployment_needs_evaluation`, `uq_verdict_deployment_id_promotion_phase`."""
    return views(connection, _WAITING.where(*in_lanes(deployment, service, None)))
