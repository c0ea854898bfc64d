"""The stages of a flow as answers give them: the deployment in each, and what its gates say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model import deployment
from deploydb.domain.model.catalog import After, Catalog
from deploydb.domain.model.gate_reasons import AwaitingApproval
from deploydb.domain.model.promotions import FREEZE, INCIDENT
from deploydb.domain.model.reasons import NotAsked
from deploydb.engine.word_check import approvers
from deploydb.query.as_of import Catalogs
from deploydb.query.bodies import ReasonBody, body_of, reason_body
from deploydb.query.outlook_view import Failures, OutlookBody, outlook_body
from deploydb.query.progress import Progress, deadline_progress, soak_progress
from deploydb.query.request_context import iso
from deploydb.store.queries.deployments import DeploymentView

_RESERVED = {FREEZE: "Freeze", INCIDENT: "Incident"}
"""The types of gates that are no configured promotions."""


class Gate(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a promotion says of a deployment: from which log rows (`inputs`), and by which catalog's digest. `asked`:
    `entry` for one that is asked before the deployment, else it is not there. `asksPeople`: whether an approval answers
    it. `recheckAt`: not of a time that is past. `progress`: of a soak. `url`: of the report, or of the latest approval
    with one.
    """

    promotion: str
    asked: Literal["entry"] | UnsetType = UNSET
    type: str | None
    asks_people: bool
    verdict: str
    reason: ReasonBody | None
    recheck_at: str | None
    decided_at: str | None
    inputs: list[int]
    catalog: str | None
    approvers: list[str] | UnsetType | None = UNSET
    """Of a gate that waits for people: those whose approval counts; null: everybody's, but `notApprovers`."""
    not_approvers: list[str] | UnsetType = UNSET
    progress: Progress | UnsetType = UNSET
    url: str | UnsetType = UNSET


class StageBody(Struct, frozen=True, kw_only=True):
    """A deployment on the way, and what its gates say. `after`: the stages that it comes after. `since`: when it came
    to its status; null before its command. `progress`: to its deadline, while it is deployed. `outlook`: of one that is
    neither there nor on its way."""

    environment: str
    after: list[str]
    deployment: int
    status: str
    since: str | None
    progress: Progress | UnsetType = UNSET
    reason: ReasonBody | None
    gates: list[Gate]
    outlook: OutlookBody | UnsetType = UNSET


def stage_body(
    catalog: Catalog,
    view: DeploymentView,
    after: Mapping[str, After],
    catalogs: Catalogs,
    failures: Failures,
    now: datetime,
) -> StageBody:
    """A stage of a flow. `after`: the stages that come before each; `failures`: of the flow."""
    return body_of(
        StageBody,
        view,
        after=list(after.get(view.environment, After()).environments),
        deployment=view.id,
        since=_since(view),
        progress=deadline_progress(view),
        reason=view.status_reason,
        gates=_gates(catalog, view, catalogs, now),
        outlook=outlook_body(view.environment, view.status, view.status_reason, view.refused, failures),
    )


def _since(view: DeploymentView) -> datetime | None:
    match view.status:
        case "NOT_STARTED":
            return None
        case "CREATED":
            return view.requested_at
        case "STARTED":
            return view.started_at
        case "COMPLETED":
            return view.finished_at
        case _:
            return view.decided_at


def _gates(catalog: Catalog, view: DeploymentView, catalogs: Catalogs, now: datetime) -> list[Gate]:
    """What guards the stage's door and its way out, in the catalog's order; then what was asked and is asked no more.

    A promotion that was never asked of a deployment that is over is left out: it was configured later. So is one of a
    skipped deployment that has no answer: it is waited for no more.
    """
    skipped = view.status == "SKIPPED"
    stored = {result.gate: result for result in view.results if not skipped or result.outcome not in (None, "PENDING")}
    asked = [gate for gate in _asked(catalog, view) if gate in stored or (view.needs_evaluation and not skipped)]
    bodies = []
    for gate in dict.fromkeys([*asked, *stored]):
        result = stored.get(gate)
        phase, name = gate
        judged = result is not None and result.outcome is not None
        again = result.recheck_at if result is not None else None
        promotion = catalog.promotions.get(name)
        waits = result is not None and isinstance(result.reason, AwaitingApproval)
        who = approvers(catalog, name, view.artifact.authors) if waits else None
        bodies.append(
            Gate(
                promotion=name,
                asked="entry" if phase == "entry" else UNSET,
                type=promotion.type if promotion is not None else _RESERVED.get(name),
                asks_people=promotion is not None and promotion.asks_people,
                verdict=result.outcome if result is not None and result.outcome is not None else "PENDING",
                reason=reason_body(result.reason if result is not None and judged else NotAsked()),
                recheck_at=iso(again) if again is not None and again > now else None,
                decided_at=iso(result.decided_at) if result is not None else None,
                inputs=list(result.inputs) if result is not None and judged else [],
                catalog=catalogs.get((view.id, gate)) if judged else None,
                approvers=UNSET if who is None else list(who.names) if who.names is not None else None,
                not_approvers=list(who.but) if who is not None and who.but else UNSET,
                progress=soak_progress(result.reason if result is not None and judged else None),
                url=(result.url if result is not None else None) or UNSET,
            )
        )
    return bodies


def _asked(catalog: Catalog, view: DeploymentView) -> list[deployment.Gate]:
    """The gates that are configured for a deployment's stage: of its environment's door first."""
    service = catalog.services.get(view.service)
    asked: list[deployment.Gate] = []
    if service is None or view.kind == "external":
        return asked
    for stage in (one for one in catalog.stages(service) if one.environment == view.environment):
        asked += (("entry", one.ident) for one in catalog.entry_promotions(view.environment))
        asked += (("exit", one.ident) for one in catalog.exit_promotions(service, stage))
    return asked
