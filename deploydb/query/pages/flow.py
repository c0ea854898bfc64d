"""`/flows/{id}`: a release's way, a row a stage and a row a gate."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from deploydb.http.errors import existing
from deploydb.query.as_of import catalogs_now
from deploydb.query.bodies import ReasonBody, body_of, reason_body
from deploydb.query.flow_path import stages_before
from deploydb.query.outlook_view import failures_of
from deploydb.query.pages.page import Answer, Page, stream_of
from deploydb.query.place_in_line import Line
from deploydb.query.request_context import RequestContext
from deploydb.query.stage_bodies import StageBody, stage_body
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
    """A release's way through a service's stages, in their order. `untaken`: why it goes through none. `trace`: the id
    of the trace of its publication."""

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
    untaken: ReasonBody | UnsetType = UNSET
    trace: str | UnsetType = UNSET
    trace_url: str | UnsetType = UNSET


def flow(asked: RequestContext) -> Flow:
    """One flow, with every attempt in every stage."""
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
    after = stages_before(asked.catalog, deployments[-1], deployments) if deployments else {}
    words: dict[int, list[Comment]] = defaultdict(list)
    for word in approvals:
        words[word.deployment].append(body_of(Comment, word))

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
        untaken=untaken or UNSET,
        trace=trace.trace_id if trace is not None else UNSET,
        trace_url=link.fill_with({"trace_id": trace.trace_id}) if link is not None and trace is not None else UNSET,
    )


def _attempt(view: DeploymentView, stage: StageBody, words: list[Comment]) -> Attempt:
    deadline = view.deadline if view.status in ("CREATED", "STARTED") else None
    return body_of(Attempt, view, stage=stage, deadline=deadline, words=words)


def _drawn(_asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    """`last`: by environment, the attempt after which another one would be made."""
    stages = [one["stage"] for one in answer["attempts"]]
    return {
        "stream": stream_of(service=answer["service"]),
        "last": {stage["environment"]: stage["deployment"] for stage in stages},
    }


PAGES = (
    Page(
        path="/flows/{id}",
        template="flow.html",
        read=flow,
        command=lambda _asked, answer: ["flow", "show", str(answer["id"])],
        drawn=_drawn,
    ),
)
