"""`/flows/{id}`: a release's way as a picture, and a row a stage and a row a gate."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model.catalog import After
from deploydb.http.errors import existing
from deploydb.query.as_of import catalogs_now
from deploydb.query.bodies import ReasonBody, body_of, reason_body
from deploydb.query.flow_path import stages_before
from deploydb.query.outlook_view import failures_of
from deploydb.query.pages.expectations import Expected, expectations
from deploydb.query.pages.hold_chips import hold_chips
from deploydb.query.pages.page import Answer, Page, narrowed, stream_of
from deploydb.query.pages.stops import verdict, way
from deploydb.query.place_in_line import Line
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.why import why
from deploydb.query.stage_bodies import StageBody, stage_body
from deploydb.query.unblock_view import ReleasingBody
from deploydb.store.queries.artifacts import release_by_id
from deploydb.store.queries.deployments import DeploymentView, words_on
from deploydb.store.queries.flows import flow_by_id
from deploydb.store.trace_contexts import trace_of_release


class Comment(Struct, frozen=True, kw_only=True):
    """What a person says, for one manual promotion."""

    promotion: str
    by: str
    given: bool
    comment: str | None
    time: str


class Attempt(Struct, frozen=True, kw_only=True, rename="camel"):
    """A deployment of the flow in one of its stages: when it was what, what its gates say, and what people say."""

    stage: StageBody
    kind: str
    attempt: int
    requested_at: str | None
    started_at: str | None
    finished_at: str | None
    decided_at: str | None
    deadline: str | None
    failure_response_detail: ReasonBody | None
    url: str | None
    words: list[Comment]


class Flow(Struct, frozen=True, kw_only=True, rename="camel"):
    """A release's way through a service's stages, in their order. `environment`: the last stage that it is not through
    with; `answer` and `releasing`: why it is not, as of `why`. `expected`: by environment, of those that it is not
    through with. `untaken`: why it goes through none. `trace`: the id of the trace of its publication."""

    id: int
    service: str
    artifact: int
    module: str
    version: str
    commit: str | None
    digest: str | None
    url: str | None
    published_at: str
    published_by: str
    created_at: str
    attempts: list[Attempt]
    environment: str | UnsetType = UNSET
    answer: str | UnsetType = UNSET
    releasing: ReleasingBody | UnsetType | None = UNSET
    expected: dict[str, Expected]
    untaken: ReasonBody | UnsetType = UNSET
    trace: str | UnsetType = UNSET
    trace_url: str | UnsetType = UNSET


def flow(asked: RequestContext) -> Flow:
    """One flow, with every attempt in every stage, and the answer about the last stage that it is not through with."""
    ident = asked.ident("flow")
    with asked.store() as connection:
        view = existing(flow_by_id(connection, asked.catalog, ident), f"flow {ident}")
        release = release_by_id(connection, view.artifact.id)
        assert release is not None  # noqa: S101  # its flow names it, in the same snapshot
        deployments = Line(connection, asked.catalog).views(view.deployments)
        trace = trace_of_release(connection, release.id)
        catalogs = catalogs_now(connection, deployments)
        approvals = words_on(connection, [one.id for one in deployments])
    branches = asked.catalog.branches(view.service) if not deployments else None
    untaken = reason_body(branches.nowhere(view.service, view.artifact.version)) if branches is not None else None
    link = asked.trace_link if trace is not None and trace.is_sampled else None
    failures = failures_of(deployments)
    after = stages_before(asked.catalog, deployments) if deployments else {}
    words: dict[int, list[Comment]] = defaultdict(list)
    for word in approvals:
        words[word.deployment].append(body_of(Comment, word))
    aim = _aim(deployments, after)
    about = {"version": view.artifact.version, "artifact": view.artifact.module, "at": None}
    answer = why(narrowed(asked, about, {"service": view.service, "environment": aim})) if aim is not None else None
    return body_of(
        Flow,
        release,
        id=view.id,
        service=view.service,
        artifact=release.id,
        created_at=view.created_at,
        attempts=[
            _attempt(one, stage_body(asked.catalog, one, after, catalogs, failures, asked.now), words[one.id])
            for one in deployments
        ],
        environment=aim or UNSET,
        answer=answer.answer if answer is not None else UNSET,
        releasing=answer.releasing if answer is not None else UNSET,
        expected=expectations(asked, view.id, deployments),
        untaken=untaken or UNSET,
        trace=trace.trace_id if trace is not None else UNSET,
        trace_url=link.fill_with({"trace_id": trace.trace_id}) if link is not None and trace is not None else UNSET,
    )


def _aim(deployments: Sequence[DeploymentView], after: Mapping[str, After]) -> str | None:
    """Of the stages that no other comes after, the first that the flow is not through with, else the last. None that is
    not configured any more, where another is."""
    last = {one.environment: one for one in deployments}
    before = {name for environment in last for name in after.get(environment, After()).environments}
    ends = [one for name, one in last.items() if name in after and name not in before]
    return next((one.environment for one in ends if one.status != "SUCCESS"), ends[-1].environment) if ends else None


def _attempt(view: DeploymentView, stage: StageBody, words: list[Comment]) -> Attempt:
    deadline = view.deadline if view.status in ("CREATED", "STARTED") else None
    return body_of(Attempt, view, stage=stage, deadline=deadline, words=words)


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    """`last`: by environment, the attempt after which another one would be made; `asks`: the stages and gates of these
    that wait for people."""
    stages = [one["stage"] for one in answer["attempts"]]
    latest = {stage["environment"]: stage for stage in stages}
    holds = hold_chips(asked, answer["service"], answer["version"], latest)
    return {
        "stream": stream_of(service=answer["service"]),
        "verdict": verdict,
        "way": way(answer["attempts"], answer["expected"], holds),
        "asks": [(stage, gate) for stage in latest.values() for gate in stage["gates"] if "approvers" in gate],
        "last": {stage["environment"]: stage["deployment"] for stage in stages},
    }


PAGES = (
    Page(
        path="/flows/{id}",
        template="flow.html",
        read=flow,
        command=lambda _asked, answer: ["flow", "show", str(answer["id"])],
        drawn=_drawn,
        momentary=True,
    ),
)
