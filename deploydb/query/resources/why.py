"""Why: `/api/why/{service}[/{environment}]`, why a version is there, or is not."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import UNSET
from msgspec.structs import replace

from deploydb.domain.model.artifact import order_key, split_module
from deploydb.domain.model.catalog import Service
from deploydb.domain.model.publications import REMEDY
from deploydb.domain.wording import text as reason_text
from deploydb.engine.unblock import Unblock, newer_in, unblock
from deploydb.http.errors import not_found, shown
from deploydb.query.as_of import catalogs_now, running_then, then
from deploydb.query.bodies import reason_body
from deploydb.query.branch_view import branch_answer, branch_body, branch_unblock
from deploydb.query.circles import circles_of
from deploydb.query.command_queues import awaited, unconsumed_bodies
from deploydb.query.existence import require_lane, require_service, unknown_module, unknown_version
from deploydb.query.explanation import Why, explain
from deploydb.query.flow_path import way_of
from deploydb.query.group_waits import group_waits
from deploydb.query.near_misses import near_misses
from deploydb.query.place_in_line import Line
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import Resource, moment, text
from deploydb.query.set_aside import set_aside_body
from deploydb.query.starvation import starved_body
from deploydb.query.unblock_view import ReleasingBody, releasing_body
from deploydb.store.command_queues import unconsumed
from deploydb.store.known_good import GoodByStage
from deploydb.store.queries.artifacts import ReleaseView, release_by_id
from deploydb.store.queries.as_of import deployments_then
from deploydb.store.queries.branches import BranchView, branch_of_version
from deploydb.store.queries.deployments import DeploymentView, deployment_by_id, deployments_of_flow
from deploydb.store.queries.lanes import RunningView, running_in
from deploydb.store.queries.starvation import StarvedView, starved_lanes
from deploydb.store.queries.why import (
    CandidateView,
    deployment_of_version,
    last_in_lane,
    last_to_run,
    newest_of_module,
    passed_by,
)
from deploydb.store.set_aside import set_aside_of
from deploydb.store.snapshot import snapshots

_LOOKED_BACK = 200
"""Where a higher version is newer, it is looked for among the releases of a module that were published last."""


def why(asked: RequestContext) -> Why:
    """The answer about a version, or about the newest one (of the artifact) that is not there yet, else the one that
    runs there. Without an environment: in the last stage of the service.

    Now, with what would release it; or as it was known at a time, `at`.
    """
    at = asked.past("at")
    return _now(asked) if at is None else _then(asked, at)


def _lane(asked: RequestContext) -> tuple[str, str]:
    """The service, and the environment that is asked about, else its last stage. Raises: HTTPException 404."""
    service = asked.name("service")
    if "environment" in asked.request.path_params:
        return service, asked.name("environment")
    stages = asked.catalog.environments_of(service)
    if not stages:
        with asked.store() as connection:
            require_service(connection, asked.catalog, service)
        raise not_found(f"{shown(service)} has no stages: name an environment")
    return service, stages[-1]


def _now(asked: RequestContext) -> Why:
    service, environment = _lane(asked)
    version, module = asked.option("version"), asked.option("artifact")
    with asked.store() as connection:
        running = running_in(connection, service, environment)
        if version is not None:
            runs = [view.deployment for view in running if view.version == version and module in (None, view.module)]
            # of what runs there another attempt may have been made; what was only seen there counts while it runs
            last = deployment_of_version(connection, service, environment, version, module)
            ident = max((one for one in (*runs, last) if one is not None), default=None)
        else:
            there = {view.module: view for view in running if module in (None, view.module)}
            ident = _meant(connection, asked.catalog.services.get(service), service, environment, there, module)
        meant = deployment_by_id(connection, ident) if ident is not None else None
        branch = (
            branch_of_version(connection, asked.catalog, service, environment, version, module)
            if meant is None and version is not None
            else None
        )
        if branch is not None:
            return _of_branch(asked, branch, service, environment)
        if meant is None:
            raise _nothing(connection, asked, service, environment, version)
        flow = deployments_of_flow(connection, asked.catalog, meant.flow) if meant.flow is not None else [meant]
        way = way_of(asked.catalog, meant, flow)
        flow = Line(connection, asked.catalog).views(flow)
        meant = next(view for view in flow if view.id == meant.id)
        catalogs = catalogs_now(connection, way)
        misses = near_misses(connection, asked.catalog, way)
        waits = group_waits(connection, way)
        queues = awaited(asked.catalog, unconsumed_bodies(unconsumed(connection, asked.now)), way)
        release = release_by_id(connection, meant.artifact.id)
        starved = [one for one in starved_lanes(connection, asked.catalog, asked.now, service) if _concerns(one, way)]
        aside = set_aside_of(connection, [service]).get(service)
        # what its evaluation failed on would fail here, too
        releasing = _releasing(connection, asked, meant, release) if aside is None else None
        passed = (
            passed_by(connection, service, environment, meant.artifact.version) if aside is None else frozenset[str]()
        )
    answer = replace(explain(asked.catalog, meant, flow, running, catalogs, asked.now, passed), releasing=releasing)
    if waits:
        joined = "; ".join([answer.answer, *(wait.words for wait in waits)])
        answer = replace(answer, answer=joined, group_waits=waits)
    if queues:
        joined = "; ".join([answer.answer, *(one.text for one in queues)])
        answer = replace(answer, answer=joined, unconsumed=queues)
    if release is not None and release.conflict is not None:
        contradicted = f"{answer.answer}; contradicted: {release.conflict}. {REMEDY}"
        answer = replace(answer, answer=contradicted, conflict=release.conflict)
    if misses:
        joined = "; ".join([answer.answer, *map(reason_text, misses)])
        answer = replace(answer, answer=joined, near_misses=[reason_body(miss) for miss in misses])
    circles = circles_of(asked.catalog, way)
    if circles:
        joined = "; ".join([answer.answer, *map(reason_text, circles)])
        answer = replace(answer, answer=joined, circles=[reason_body(circle) for circle in circles])
    if starved:
        lanes = [starved_body(one) for one in starved]
        answer = replace(answer, answer="; ".join([answer.answer, *(one.text for one in lanes)]), starved=lanes)
    if aside is None:
        return answer
    return replace(answer, answer=f"{answer.answer}; {aside.words}", set_aside=set_aside_body(aside))


def _of_branch(asked: RequestContext, branch: BranchView, service: str, environment: str) -> Why:
    """Why a version does not come to a lane whose pipeline takes other ones."""
    found = branch_unblock(branch, service, environment)
    return Why(
        service=service,
        environment=environment,
        version=branch.release.artifact.version,
        digest=branch.release.artifact.digest,
        answer=branch_answer(branch, environment),
        stages=[],
        releasing=releasing_body(found, asked.now) if found is not None else None,
        conflict=branch.release.conflict or UNSET,
        branch=branch_body(branch),
    )


def _concerns(starved: StarvedView, way: Sequence[DeploymentView]) -> bool:
    """Whether a version that goes this way is held up by a starved lane."""
    return any(view.environment == starved.environment and view.status != "SUCCESS" for view in way)


def _then(asked: RequestContext, at: datetime) -> Why:
    service, environment = _lane(asked)
    version, module = asked.option("version"), asked.option("artifact")
    with asked.store() as connection:
        there = [
            one
            for one in deployments_then(connection, service, environment, at, version=version)
            if module in (None, one.release.artifact.module)
        ]
        if not there:
            require_lane(connection, asked.catalog, service, environment)
            what = f"{shown(version)} of {service}" if version is not None else f"any {service}"
            raise not_found(f"at {iso(at)} nothing was known of {what} in {environment}")
        order = asked.catalog.order_of(service)
        ident = max(there, key=lambda one: (one.kind == "deploy", one.release.order_key(order), one.id)).id
        meant = deployment_by_id(connection, ident)
        assert meant is not None  # noqa: S101  # it has just been read in the same snapshot
        now = deployments_of_flow(connection, asked.catalog, meant.flow) if meant.flow is not None else [meant]
        flow, catalogs = then(connection, now, at)
        meant = next(view for view in flow if view.id == ident)
        running = running_then(connection, meant, at)
    return replace(explain(asked.catalog, meant, flow, running, catalogs, at), at=at.isoformat())


def _releasing(
    connection: sa.Connection, asked: RequestContext, meant: DeploymentView, release: ReleaseView | None
) -> ReleasingBody | None:
    """What would release it; None where it is there with success, or was only seen there."""
    if meant.status == "SUCCESS" or meant.kind == "external":
        return None
    (situation,) = snapshots(connection, [meant.service], asked.catalog, asked.now, lock=False)
    found: Unblock | None
    if any(known.id == meant.id for known in situation.deployments):
        good = GoodByStage(connection, asked.catalog, meant.service)
        found = unblock(asked.catalog, replace(situation, good=good), meant.id, asked.now)
    else:
        order = asked.catalog.order_of(meant.service)
        published_at = release.published_at if release is not None else meant.created_at
        key = order_key(order, meant.artifact.version, published_at)
        newer = newer_in(situation, meant.environment, meant.artifact.module, key, order)
        found = Unblock(instead=newer or f"publish a newer version than {meant.artifact.version}")
    return releasing_body(found, asked.now) if found is not None else None


def _nothing(
    connection: sa.Connection, asked: RequestContext, service: str, environment: str, version: str | None
) -> Exception:
    module = asked.option("artifact")
    require_lane(connection, asked.catalog, service, environment)
    gone = unknown_module(asked.catalog, service, module)
    if gone is not None:
        return gone
    aside = set_aside_of(connection, [service]).get(service)
    if version is None:
        because = f"; {aside.words}" if aside is not None else ""
        return not_found(f"no release of {service} is on its way to {environment}, and none runs there{because}")
    if aside is not None:
        return not_found(f"{shown(version)} of {service} is not on its way to {environment}; {aside.words}")
    return unknown_version(connection, asked.catalog, service, environment, version, module)


def _meant(
    connection: sa.Connection,
    configured: Service | None,
    service: str,
    environment: str,
    there: Mapping[str, RunningView],
    module: str | None,
) -> int | None:
    """The deployment in the lane that a question without a version is about, of one module or any. `there`: what runs,
    by module."""
    if configured is not None:
        heads = [
            head
            for name in configured.artifacts
            if module in (None, name) and (head := _newest(connection, configured, environment, name)) is not None
        ]
        versions = {name: view.version for name, view in there.items()}
        coming = [
            head
            for head in heads
            if head.status != "SUCCESS" and versions.get(head.release.artifact.module) != head.release.artifact.version
        ]
        if coming:
            return max(coming, key=lambda head: (head.release.order_key("published"), head.deployment)).deployment
    if module is not None:
        return there[module].deployment if module in there else None
    runs = last_to_run(connection, service, environment)
    return runs if runs is not None else last_in_lane(connection, service, environment)


def _newest(connection: sa.Connection, configured: Service, environment: str, module: str) -> CandidateView | None:
    """A module's newest release, in the service's order of what is newer."""
    looked_back = 1 if configured.order == "published" else _LOOKED_BACK
    found = newest_of_module(connection, configured.ident, environment, *split_module(module), limit=looked_back)
    return max(found, key=lambda one: (one.release.order_key(configured.order), one.deployment), default=None)


RESOURCES = tuple(
    Resource(
        path=path,
        read=why,
        arguments=("version",),
        parameters=(
            text("version", "Which version; without it the newest that is not there yet, else what runs there."),
            text("artifact", "The module, GROUP:NAME, where the service has several."),
            moment("at", "As it was known then, instead of now."),
        ),
        momentary=True,
    )
    for path in ("/api/why/{service}/{environment}", "/api/why/{service}")
)
