"""`/artifacts/{id}`: one version of a module, where it came from and where it went."""

from msgspec import Struct

from deploydb.http.errors import existing
from deploydb.query.accepted import Accepted
from deploydb.query.bodies import ReasonBody, body_of
from deploydb.query.pages.page import Page
from deploydb.query.place_in_line import Line
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.where import Place, found_of
from deploydb.store.queries.artifact_places import by_id
from deploydb.store.queries.artifacts import (
    artifacts_around,
    artifacts_of_module,
    attestations_of,
    count_of_module,
    release_by_id,
)
from deploydb.store.queries.deployments import deployments_of_artifact
from deploydb.store.queries.publications import acceptances

_MOST_DEPLOYMENTS = 200
_MOST_VERSIONS = 20
_BESIDE = 3
"""Versions on each side of one that is not among the newest."""


class Deployed(Struct, frozen=True, kw_only=True, rename="camel"):
    """A deployment of it."""

    id: int
    flow: int | None
    service: str
    environment: str
    kind: str
    status: str
    reason: ReasonBody | None
    finished_at: str | None


class Version(Struct, frozen=True, kw_only=True, rename="camel"):
    """Another version of the same module."""

    id: int
    version: str
    created_at: str


class Vouched(Struct, frozen=True, kw_only=True):
    """Somebody vouches for a file with this digest. `counts`: it is the digest of the artifact."""

    digest: str
    signer: str
    kind: str
    url: str | None
    time: str
    counts: bool


class Artifact(Struct, frozen=True, kw_only=True, rename="camel"):
    """All that is known of one version of a module. `observed`: seen running, and never published. `places`: what
    became of it in each environment; `attestations`: who vouches for it. `versions`: the newest of its module, of which
    there are `versionCount`; `around`: this one and those beside it, where it is not among these."""

    id: int
    group: str
    name: str
    version: str
    url: str | None
    digest: str | None
    commit: str | None
    purl: str | None
    published_at: str
    published_by: str
    author: str | None
    triggered_by: str | None
    source: str
    observed: bool
    conflict: str | None
    accepted: Accepted | None
    created_at: str
    places: list[Place]
    attestations: list[Vouched]
    deployments: list[Deployed]
    versions: list[Version]
    around: list[Version]
    version_count: int


def artifact(asked: RequestContext) -> Artifact:
    """One artifact: where it is, who vouches for it, its deployments, and the newest versions of its module."""
    ident = asked.ident("artifact")
    with asked.store() as connection:
        view = existing(release_by_id(connection, ident), f"artifact {ident}")
        tried = deployments_of_artifact(connection, ident, offset=0, limit=_MOST_DEPLOYMENTS)
        deployments = Line(connection, asked.catalog).views(tried)
        accepted = acceptances(connection, [ident]).get(ident)
        places = [place for one in found_of(asked, connection, by_id(connection, ident)) for place in one.places]
        vouched = attestations_of(connection, view.group, view.name, view.version)
        versions = artifacts_of_module(connection, view.group, view.name, offset=0, limit=_MOST_VERSIONS)
        is_recent = any(one.id == ident for one in versions)
        around = [] if is_recent else artifacts_around(connection, view, most=_BESIDE)
        count = count_of_module(connection, view.group, view.name)
    shown = {one.id for one in versions}
    return body_of(
        Artifact,
        view,
        accepted=body_of(Accepted, accepted) if accepted is not None else None,
        places=places,
        attestations=[body_of(Vouched, one, counts=one.digest == view.digest) for one in vouched],
        deployments=[body_of(Deployed, one, reason=one.status_reason) for one in deployments],
        versions=[body_of(Version, one) for one in versions],
        around=[body_of(Version, one) for one in around if one.id not in shown],
        version_count=count,
    )


PAGES = (
    Page(
        path="/artifacts/{id}",
        template="artifact.html",
        read=artifact,
        command=lambda _asked, answer: ["artifact", "show", str(answer["id"])],
    ),
)
