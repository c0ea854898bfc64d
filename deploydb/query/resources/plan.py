"""Plan: `/api/plan/{service}`, what would happen to a version if it came now."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from deploydb.domain import wording
from deploydb.domain.evaluation.decisions import DeploymentTransitioned, ServiceSnapshot
from deploydb.domain.evaluation.evaluate import decide
from deploydb.domain.forecast import Expected, expected, expected_of
from deploydb.domain.gates import Promotion
from deploydb.domain.model.admission_reasons import BeingDeployed, BeingVerified
from deploydb.domain.model.artifact import Artifact, split_module
from deploydb.domain.model.catalog import Service, Stage
from deploydb.domain.model.deployment import Deployment, FactOrder, Gate, Phase, Release, Status
from deploydb.engine.estimate import Lane, arrivals, supposed
from deploydb.http.errors import bad_request, existing, nearest, shown
from deploydb.query.bodies import body_of
from deploydb.query.hold_views import Held
from deploydb.query.outlook_view import OutlookBody, failures_of, outlook_body
from deploydb.query.request_context import RequestContext, iso
from deploydb.store.queries.artifact_places import by_version
from deploydb.store.queries.deployments import deployment_by_id
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.plan import deployments_took, entry_gates_took, exit_gates_took
from deploydb.store.queries.why import deployment_of_version
from deploydb.store.set_aside import set_aside_of
from deploydb.store.snapshot import snapshots


class Takes(Struct, frozen=True, kw_only=True):
    """How long a step takes there, in seconds, by how often it has been taken."""

    p50: float
    p90: float
    samples: int


class Span(Struct, frozen=True, kw_only=True):
    """When something would be, at the median and at the ninth decile."""

    p50: str
    p90: str


class PlannedGate(Struct, frozen=True, kw_only=True):
    """A promotion that would be asked, on the way in or out. `takes`: null where it has never been asked there."""

    promotion: str
    type: str
    description: str
    asked: str
    takes: Takes | None


class PlannedStage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A stage that it would come to. `deployment`: its own there, if there is one; `obstacles`: what stands in the way
    now. `enteredApproved`, `verifiedApproved`: where it takes an approval, the earliest time if all approve at once.
    `outlook`: of its own deployment, where that is neither there nor on its way; then no time is known, unless it is
    held."""

    environment: str
    after: dict[str, list[str]] | None
    gates: list[PlannedGate]
    takes: Takes | None
    entered: Span | None
    verified: Span | None
    entered_approved: str | None
    verified_approved: str | None
    deployment: int | None
    obstacles: list[str]
    outlook: OutlookBody | UnsetType = UNSET


class Plan(Struct, frozen=True, kw_only=True):
    """What would happen to a version if it came now."""

    service: str
    version: str
    now: str
    stages: list[PlannedStage]


def plan(asked: RequestContext) -> Plan:
    """The stages in the order in which it would come to them: what asks there, what stands in the way now, and when it
    would be there, where each step takes as long as before. Of a version that no pipeline takes: all."""
    return plan_of(asked)


def plan_of(asked: RequestContext, flow: int | None = None) -> Plan:
    """The same; with a flow of the version, the times are those of this flow, and not of all its modules."""
    name, version = asked.name("service"), asked.option("version")
    services = asked.catalog.services
    service = existing(services.get(name), f"service {shown(name)}{nearest(name, services)}")
    if version is None:
        raise bad_request("version is missing: which one would come?")
    taken = asked.catalog.stages_of(service, version)
    stages = taken or asked.catalog.stages(service)
    entry = {stage.environment: asked.catalog.entry_promotions(stage.environment) for stage in stages}
    exits = {stage.environment: asked.catalog.exit_promotions(service, stage) for stage in stages}
    with asked.store() as connection:
        lanes = {stage.environment: _lane(connection, name, stage, entry[stage.environment]) for stage in stages}
        known = {
            stage.environment: deployment_of_version(connection, name, stage.environment, version) for stage in stages
        }
        own = {there: deployment_by_id(connection, id_) for there, id_ in known.items() if id_ is not None}
        releases = _releases(connection, service, version, asked.now)
        held = Held(holds_at(connection, asked.now, name), asked.catalog)
        aside = set_aside_of(connection, [name]).get(name)
        # what its evaluation failed on would fail here, too
        situation = snapshots(connection, [name], asked.catalog, asked.now, lock=False)[0] if aside is None else None
    views = {there: view for there, view in own.items() if view is not None}
    failures = failures_of(views.values())
    outlooks = {
        there: outlook_body(there, view.status, view.status_reason, view.refused, failures)
        for there, view in views.items()
    }
    branches = asked.catalog.branches(name)
    untaken = branches.nowhere(name, version) if branches is not None else None
    release = releases[0] if len(releases) == 1 else None

    def obstacles(stage: Stage) -> list[str]:
        if untaken is not None and stage.environment not in views:
            return [wording.text(untaken)]
        if situation is None:
            return [aside.words] if aside is not None else []
        skipped = _skipped(asked, situation, stage, release) if release is not None else []
        return [*_business(situation, stage, version), *skipped]

    expects = {}
    if situation is not None:
        coming = supposed(asked.catalog, situation, releases if not views else ())
        expects = arrivals(asked.catalog, coming, version, lanes, asked.now, flow)
    return Plan(
        service=name,
        version=version,
        now=asked.now.isoformat(),
        stages=[
            PlannedStage(
                environment=there,
                after={stage.after.need: list(stage.after.environments)} if stage.after.environments else None,
                gates=[
                    *(_gate("entry", one, lanes[there]) for one in entry[there]),
                    *(_gate("exit", one, lanes[there]) for one in exits[there]),
                ],
                takes=_takes(lanes[there].deployment),
                entered=_span(expects[there].entered) if there in expects else None,
                verified=_span(expects[there].verified) if there in expects else None,
                entered_approved=iso(expects[there].entered_approved) if there in expects else None,
                verified_approved=iso(expects[there].verified_approved) if there in expects else None,
                deployment=known[there],
                obstacles=[*_held(held, name, stage, version), *obstacles(stage)],
                outlook=outlooks.get(there, UNSET),
            )
            for stage in stages
            for there in (stage.environment,)
        ],
    )


def _lane(connection: sa.Connection, service: str, stage: Stage, entry: Sequence[Promotion]) -> Lane:
    there = stage.environment
    asked = entry_gates_took(connection, service, there, stage.after.environments) if entry else {}
    gates: dict[Gate, list[timedelta]] = {("entry", promotion): taken for promotion, taken in asked.items()}
    gates |= {("exit", promotion): taken for promotion, taken in exit_gates_took(connection, service, there).items()}
    measured = {gate: one for gate, taken in gates.items() if (one := expected(taken)) is not None}
    return Lane(deployment=expected(deployments_took(connection, service, there)), gates=measured)


def _held(held: Held, service: str, stage: Stage, version: str) -> list[str]:
    """The holds that would stand against it: all but a pin of this very version."""
    over = held.over(service, stage.environment, [version])
    return [wording.text(hold.held) for hold in over if hold.kind != "pin" or hold.version != version]


def _releases(connection: sa.Connection, service: Service, version: str, now: datetime) -> list[Release]:
    """The version as it was published; where it was not, as if it were now, with all modules of one change."""
    known = by_version(connection, [split_module(module) for module in service.artifacts], version)
    if known:
        modules = [(one.module, one.published_at, one.id) for one in known]
    else:
        modules = [(module, now, -place) for place, module in enumerate(service.artifacts)]
    commit = version if len(modules) > 1 else None
    return [
        Release(
            id=id_,
            artifact=Artifact(group=group, name=name, version=version, commit=commit),
            published_at=published_at,
            published_by="",
        )
        for module, published_at, id_ in modules
        for group, name in (split_module(module),)
    ]


def _business(situation: ServiceSnapshot, stage: Stage, version: str) -> list[str]:
    """What is going on in the lane: another deployment, one that is being verified, or the version itself runs."""
    obstacles = []
    for deployment in situation.deployments:
        if deployment.environment != stage.environment or not deployment.needs_evaluation:
            continue
        other = deployment.release.artifact.version
        if deployment.active:
            obstacles.append(wording.text(BeingDeployed(version=other, deployment=deployment.id)))
        elif deployment.status is Status.COMPLETED:
            obstacles.append(wording.text(BeingVerified(version=other, deployment=deployment.id)))
    for (environment, _), ran in situation.running.items():
        if environment == stage.environment and ran.release.artifact.version == version:
            obstacles.append(f"{environment} runs it already")
    return obstacles


def _skipped(asked: RequestContext, situation: ServiceSnapshot, stage: Stage, release: Release) -> list[str]:
    """Why `decide` would skip it there, had it come through the others."""

    def there(id_: int, environment: str) -> Deployment:
        return Deployment(id=id_, flow=0, service=situation.service, environment=environment, release=release)

    finished = FactOrder(asked.now, "", "")
    through = {"requested_at": asked.now, "finished": finished, "outcome": "succeeded", "result": "SUCCESS"}
    stages = asked.catalog.stages(asked.catalog.services[situation.service])
    elsewhere = [
        replace(there(-place, other.environment), **through, needs_evaluation=False)
        for place, other in enumerate(stages, 1)
        if other.environment != stage.environment
    ]
    others = [
        one
        for one in situation.deployments
        if (one.environment, one.release.id) != (stage.environment, release.id)  # it stands for itself
    ]
    supposed = replace(situation, deployments=(*others, *elsewhere, there(0, stage.environment)))
    return [
        f"{wording.text(made.reason)}: it would be skipped"
        for made in decide(asked.catalog, supposed, asked.now).decisions
        if isinstance(made, DeploymentTransitioned) and made.what == "skipped" and made.deployment.id == 0
    ]


def _gate(where: Phase, promotion: Promotion, lane: Lane) -> PlannedGate:
    takes = _takes(expected_of(promotion, lane.gates.get((where, promotion.ident))))
    return body_of(PlannedGate, promotion, promotion=promotion.ident, asked=where, takes=takes)


def _takes(takes: Expected | None) -> Takes | None:
    if takes is None:
        return None
    return Takes(p50=takes.p50.total_seconds(), p90=takes.p90.total_seconds(), samples=takes.samples)


def _span(span: tuple[datetime, datetime] | None) -> Span | None:
    return Span(p50=span[0].isoformat(), p90=span[1].isoformat()) if span is not None else None
