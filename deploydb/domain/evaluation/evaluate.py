"""The product in one function: given the catalog, what is known of a service, and the time, what to do and why.

`open_flow` says what a published artifact starts; `decide` moves a service's open flows on. Ties are broken by content,
so the same situation always gives the same decisions, and deciding again on their result decides nothing more.

The steps, in their order; each one is entered once, and sees the decisions of those before it:

1. `reconciliation`: deadlines are extended, active deployments past theirs expire, each lane has its current version,
   finished deployments are closed;
2. `flow_extension`: flows get deployments for stages that came into their way; then all is evaluated again, at once;
3. `exit_gates`: the exit gates of each stage are evaluated on the current version;
4. `failure_policy`: a failure is retried or final; the configured strategy follows;
5. `retries`: the attempts that people ask for are made, or refused;
6. `admission`, upstream first: flows that cannot reach a stage are skipped there; of those that have arrived one is
   chosen, and requested if no hold stands, its lane is free and the entry gates pass. Each deployment that waits is
   explained; again after requests, from the final state.
"""

from datetime import datetime

from deploydb.domain.evaluation.admission import admit
from deploydb.domain.evaluation.decisions import Decisions, FlowOpened, ServiceSnapshot
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.exit_gates import evaluate_exit_gates
from deploydb.domain.evaluation.failure_policy import apply_failure_policy
from deploydb.domain.evaluation.flow_extension import extend_flows
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.evaluation.reconciliation import reconcile
from deploydb.domain.evaluation.retries import apply_retry_requests
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Release

__all__ = ["decide", "open_flow"]


def open_flow(catalog: Catalog, service: str, release: Release) -> FlowOpened:
    """What a release starts in a service that lists its module: a deployment for every stage of the pipelines that take
    its version. Where none does the flow has no deployment yet."""
    configured = catalog.services[service]
    stages = tuple(
        (stage.environment, tuple(promotion.ident for promotion in catalog.exit_promotions(configured, stage)))
        for stage in catalog.stages_of(configured, release.artifact.version)
    )
    return FlowOpened(service=service, release=release, stages=stages)


def decide(catalog: Catalog, snapshot: ServiceSnapshot, now: datetime) -> Decisions:
    """The decisions for one service now, with their reasons. Pure: the same arguments, the same decisions.

    A service that is not configured is reconciled only: its flows wait until it is configured again.
    """
    evaluation = Evaluation(snapshot, now, catalog)
    reconcile(evaluation, catalog)
    service = catalog.services.get(snapshot.service)
    if service is not None and not extend_flows(evaluation, catalog, service):
        holds = Holds(evaluation, catalog, {stage.environment: stage for stage in catalog.stages(service)})
        evaluate_exit_gates(evaluation, catalog, service, holds)
        apply_failure_policy(evaluation, catalog, service, holds)
        apply_retry_requests(evaluation, catalog, service, holds)
        admit(evaluation, catalog, service, holds)
    return evaluation.decisions()
