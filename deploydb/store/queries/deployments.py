"""Which deployments are there, with what their promotions came to, and what people say of them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.history_outcomes import HistoryOutcome
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Gate, Phase
from deploydb.domain.model.reasons import Reason
from deploydb.store.columns import BigId, in_lanes, shared_fields, viewed
from deploydb.store.list_parameters import among
from deploydb.store.queries.artifacts import ArtifactView, artifact_of, of_artifact
from deploydb.store.tables import approval, artifact, deployment, verdict, verification


class ResultView(Struct, frozen=True, kw_only=True):
    """What one promotion says of one deployment. `outcome` is None until it has been asked; `url` is the report's, or
    that of the latest approval or refusal with one.

    `inputs`: the numbers of the log rows that it says so from.
    """

    id: int
    deployment: int
    promotion: str
    phase: Phase
    outcome: str | None
    reason: Reason | None
    recheck_at: datetime | None
    decided_at: datetime | None
    created_at: datetime
    url: str | None
    inputs: tuple[int, ...] = ()

    @property
    def gate(self) -> Gate:
        """Which gate of the deployment says so."""
        return self.phase, self.promotion


class DeploymentView(Struct, frozen=True, kw_only=True):
    """One attempt to have an artifact in an environment.

    `trigger_reason`: why it was commanded, or observed; `status_reason`: why its status is as it is. `completed`: it
    was deployed, in time, so that its promotions are asked. `stage_index`: its stage's place in the flow. `cause`: the
    deployment whose failure led to this one; `failure_response`: the response to its failure,
    `failure_response_detail`: its details.
    """

    id: int
    flow: int | None
    service: str
    environment: str
    artifact: ArtifactView
    kind: str
    status: str
    completed: bool
    needs_evaluation: bool
    stage_index: int
    trigger_reason: Reason | None
    status_reason: Reason | None
    created_at: datetime
    requested_at: datetime | None
    deadline: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    decided_at: datetime | None
    url: str | None
    results: tuple[ResultView, ...]
    attempt: int = 1
    cause: int | None = None
    not_before: datetime | None = None
    failure_response: str | None = None
    failure_response_detail: Reason | None = None

    @property
    def errored(self) -> frozenset[str]:
        """The promotions that cannot tell: people may answer for them."""
        return frozenset(result.promotion for result in self.results if result.outcome == "ERROR")

    @property
    def refused(self) -> tuple[Reason, ...]:
        """The reasons of the entry gates that have failed."""
        failed = (result for result in self.results if (result.phase, result.outcome) == ("entry", "FAIL"))
        return tuple(result.reason for result in failed if result.reason is not None)


class WordView(Struct, frozen=True, kw_only=True):
    """A person's latest word on a deployment, for one manual promotion."""

    deployment: int
    promotion: str
    by: str
    given: bool
    comment: str | None
    time: datetime


VIEWED: sa.Select[Any] = sa.select(deployment, *of_artifact()).join(artifact, artifact.c.id == deployment.c.artifact_id)
"""Deployments with their artifacts: what `views` takes."""
# Built once: for one deployment, building the statements would cost more than running them.
_BY_ID = VIEWED.where(deployment.c.id == sa.bindparam("ident", type_=BigId))
_REPORTED = sa.and_(
    verification.c.deployment_id == verdict.c.deployment_id, verification.c.promotion == verdict.c.promotion
)
_WORD_URL = (
    sa.select(approval.c.url)
    .where(
        approval.c.deployment_id == verdict.c.deployment_id,
        approval.c.promotion == verdict.c.promotion,
        approval.c.url.is_not(None),
    )
    .order_by(approval.c.time.desc(), approval.c.by)
    .limit(1)
    .scalar_subquery()
)
_RESULTS = (
    sa.select(verdict, verification.c.url, verification.c.event, _WORD_URL.label("word_url"))
    .outerjoin(verification, _REPORTED)
    .where(among(verdict.c.deployment_id, "deployments"))
    .order_by(verdict.c.id)
)


def deployment_by_id(connection: sa.Connection, ident: int) -> DeploymentView | None:
    """One deployment. Index: primary key."""
    found = views(connection, _BY_ID, {"ident": ident})
    return found[0] if found else None


def deployments_by_id(connection: sa.Connection, idents: Collection[int]) -> dict[int, DeploymentView]:
    """Several deployments, by their ids. Index: primary key."""
    wanted = VIEWED.where(among(deployment.c.id, sorted(idents)))
    return {view.id: view for view in views(connection, wanted)} if idents else {}


def deployments_page(connection: sa.Connection, *, offset: int, limit: int) -> list[DeploymentView]:
    """All deployments, in the order of their ids. Index: primary key; a far page costs its distance, in ids alone."""
    wanted = sa.select(deployment.c.id).order_by(deployment.c.id).offset(offset).limit(limit).subquery("page")
    page = VIEWED.join(wanted, wanted.c.id == deployment.c.id)
    return views(connection, page.order_by(deployment.c.id))


def latest_deployment(connection: sa.Connection) -> DeploymentView | None:
    """The deployment with the highest id. Index: primary key."""
    found = views(connection, VIEWED.order_by(deployment.c.id.desc()).limit(1))
    return found[0] if found else None


def deployments_of_artifact(
    connection: sa.Connection, artifact_id: int, *, offset: int, limit: int
) -> list[DeploymentView]:
    """An artifact's deployments, in the order of their ids. Index: `ix_deployment_artifact`."""
    mine = VIEWED.where(deployment.c.artifact_id == artifact_id)
    return views(connection, mine.order_by(deployment.c.id).offset(offset).limit(limit))


def deployments_in(
    connection: sa.Connection, *, service: str | None = None, environment: str | None = None, offset: int, limit: int
) -> list[DeploymentView]:
    """The deployments of a service, or in an environment, in the order of their ids. Index: `ix_deployment_lane` for a
    service; of an environment reads every deployment up to the page."""
    given = ((deployment.c.service, service), (deployment.c.environment, environment))
    mine = VIEWED.where(*(column == name for column, name in given if name is not None))
    return views(connection, mine.order_by(deployment.c.id).offset(offset).limit(limit))


def deployments_of_flow(connection: sa.Connection, catalog: Catalog, flow: int) -> list[DeploymentView]:
    """A flow's deployments, in the order of the service's stages; those in stages that are not configured any more stay
    between the others where they were. Index: `uq_deployment_flow_id_environment_attempt`.
    """
    return deployments_of_flows(connection, catalog, [flow]).get(flow, [])


def deployments_of_flows(
    connection: sa.Connection, catalog: Catalog, flows: Collection[int]
) -> dict[int, list[DeploymentView]]:
    """The same of several flows, by flow."""
    mine = VIEWED.where(among(deployment.c.flow_id, sorted(flows)))
    found: dict[int, list[DeploymentView]] = defaultdict(list)
    for view in views(connection, mine.order_by(deployment.c.stage_index, deployment.c.attempt, deployment.c.id)):
        if view.flow is not None:
            found[view.flow].append(view)
    return {flow: _in_stages(catalog, one) for flow, one in found.items()}


def _in_stages(catalog: Catalog, found: list[DeploymentView]) -> list[DeploymentView]:
    stages = catalog.environments_of(found[0].service) if found else ()
    configured = [view for view in found if view.environment in stages]
    ordered = iter(sorted(configured, key=lambda view: stages.index(view.environment)))
    return [next(ordered) if view.environment in stages else view for view in found]


_OUTCOMES: Mapping[HistoryOutcome, sa.ColumnElement[bool]] = {
    "success": deployment.c.status == "SUCCESS",
    "failed": deployment.c.status == "FAILED",
    "skipped": deployment.c.status == "SKIPPED",
    "open": deployment.c.status.in_(("CREATED", "STARTED", "COMPLETED")),
    "rollback": deployment.c.kind == "rollback",
}


def history(
    connection: sa.Connection,
    service: str,
    environment: str | None = None,
    outcome: HistoryOutcome | None = None,
    *,
    since: datetime | None = None,
    offset: int,
    limit: int,
) -> list[DeploymentView]:
    """What has been tried of a service (in one environment, with an outcome), newest first; not what has not
    begun.

    Costs the page and what is before it; with an environment or an outcome also what else happened meanwhile.
    Index: `ix_deployment_history`.
    """
    mine = VIEWED.where(*in_lanes(deployment, service, environment), deployment.c.happened_at.is_not(None))
    mine = mine.where(_OUTCOMES[outcome]) if outcome is not None else mine
    mine = mine.where(deployment.c.happened_at >= since) if since is not None else mine
    newest_first = mine.order_by(deployment.c.happened_at.desc(), deployment.c.id.desc())
    return views(connection, newest_first.offset(offset).limit(limit))


def refused_at_entry(connection: sa.Connection, deployments: Collection[int]) -> dict[int, tuple[Reason, ...]]:
    """The reasons of the entry gates that have failed, by deployment. Index:
    `uq_verdict_deployment_id_promotion_phase`."""
    found: dict[int, tuple[Reason, ...]] = {}
    statement = (
        sa.select(verdict.c.deployment_id, verdict.c.reason)
        .where(
            among(verdict.c.deployment_id, sorted(deployments)),
            verdict.c.phase == "entry",
            verdict.c.outcome == "FAIL",
            verdict.c.reason.is_not(None),
        )
        .order_by(verdict.c.id)
    )
    for row in connection.execute(statement) if deployments else ():
        found[row.deployment_id] = (*found.get(row.deployment_id, ()), row.reason)
    return found


def words_on(connection: sa.Connection, deployments: Collection[int]) -> list[WordView]:
    """The latest approvals and refusals of deployments, oldest first. Index: primary key of `approval`."""
    statement = (
        sa.select(*viewed(WordView, approval, deployment=approval.c.deployment_id))
        .where(among(approval.c.deployment_id, sorted(deployments)))
        .order_by(approval.c.time, approval.c.by)
    )
    return [WordView(**row._mapping) for row in connection.execute(statement)]


def views(
    connection: sa.Connection, statement: sa.Select[Any], given: Mapping[str, Any] | None = None
) -> list[DeploymentView]:
    """The deployments that a statement, made from `VIEWED`, selects, in its order: two statements for any number."""
    found = connection.execute(statement, given).all()
    results = _results(connection, [row.id for row in found]) if found else {}
    return [_view(row, results.get(row.id, ())) for row in found]


def _results(connection: sa.Connection, deployments: Collection[int]) -> dict[int, list[ResultView]]:
    """Indexes: `uq_verdict_deployment_id_promotion_phase`, primary keys of `verification` and `approval`."""
    found: dict[int, list[ResultView]] = defaultdict(list)
    message = connection.execute(_RESULTS, {"deployments": deployments}).all()
    of_entry = {
        (row.deployment_id, row.event) for row in message if row.phase == "entry" and row.event in (row.inputs or ())
    }
    for row in message:
        mine = ((row.deployment_id, row.event) in of_entry) == (row.phase == "entry")
        url = (row.url if mine else None) or (row.word_url if row.inputs else None)
        more = {"deployment": row.deployment_id, "url": url, "inputs": tuple(row.inputs or ())}
        found[row.deployment_id].append(ResultView(**{**shared_fields(verdict, ResultView)(row), **more}))
    return found


def _view(row: Any, results: Sequence[ResultView]) -> DeploymentView:  # noqa: ANN401
    return DeploymentView(
        flow=row.flow_id,
        artifact=artifact_of(row),
        completed=row.outcome == "succeeded" and row.expired_at is None and row.skipped_at is None,
        url=row.finished_url or row.started_url,
        results=tuple(results),
        cause=row.cause_id,
        **shared_fields(deployment, DeploymentView)(row),
    )
