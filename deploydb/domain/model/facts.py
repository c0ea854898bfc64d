"""What happened: one struct for each inbound event, in the past tense.

A fact is unique by `(source, id)`: sent twice, it counts once. `time` is when it happened, by its source; where
the source does not say, the arrival stands in for it (`wire` fills it in), so here it is always known.

A struct here, its table and a migration are a new type of fact: the wire, the log, the projections, `blame`, replays
and `publish` read what it declares.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta

from deploydb.domain.model.artifact import Artifact, Coordinate, Name, Text, Url, module_key
from deploydb.domain.model.fact import OWN_SOURCE, Fact, Number, Time, fact_types, type_of
from deploydb.domain.model.override_facts import (
    EVERY_HOLD,
    AboutHold,
    AboutLane,
    HoldLifted,
    HoldPlaced,
    HotfixDeclared,
    PromotionRequested,
    RetryRequested,
    RollbackRequested,
)
from deploydb.domain.model.projection import Projection

__all__ = [
    "EVERY_HOLD",
    "OWN_SOURCE",
    "AboutHold",
    "AboutLane",
    "Fact",
    "HoldLifted",
    "HoldPlaced",
    "HotfixDeclared",
    "Number",
    "PromotionRequested",
    "RetryRequested",
    "RollbackRequested",
    "Time",
    "fact_types",
    "type_of",
]
"""The base and the orders of people, beside the types of fact below: all for those who read facts."""


class ArtifactPublished(Fact, frozen=True, kw_only=True, tag="artifact.published"):
    """A version of a module can be deployed from now on. Opens a flow in each service that lists the module; a
    `historical` one opens none."""

    projection = Projection(table="artifact", replay="event", change=None)

    artifact: Artifact
    historical: bool | None = None


class AboutDeployment(Fact, frozen=True, kw_only=True):
    """A fact about one deployment, named by its number, its command's id, or service + environment + version; with
    `artifact`, its module, where several modules of the service have the version.

    `commit`: in place of the version, of a source that knows none; its beginning is enough. It means the only release
    of the service with that commit.

    `historical`: it is recorded and decides nothing: it is never about a deployment that DeployDB commanded.
    """

    deployment: Number | None = None
    command: Name | None = None
    service: Name | None = None
    environment: Name | None = None
    version: Name | None = None
    artifact: Coordinate | None = None
    commit: Name | None = None
    historical: bool | None = None

    def __post_init__(self) -> None:
        lane = (self.service, self.environment, self.version or (None if self.historical else self.commit))
        if self.deployment is None and self.command is None and None in lane:
            raise ValueError(
                "names no deployment: give `deployment` (its number), `command` (the command's id), "
                "or all of `service`, `environment` and `version` (or `commit`)"
            )


class DeploymentStarted(AboutDeployment, frozen=True, kw_only=True, tag="deployment.started"):
    """An orchestrator has begun."""

    projection = Projection(table="deployment", replay="event", change=None)

    url: Url | None = None


class DeploymentFinished(AboutDeployment, frozen=True, kw_only=True, tag="deployment.finished"):
    """An orchestrator is done: the version runs there, or the attempt failed. A `historical` one is a deployment of its
    own, of before DeployDB's time."""

    projection = Projection(table="deployment", replay="event", change=None)

    outcome: Literal["succeeded", "failed"]
    reason: Text | None = None
    url: Url | None = None


class DeploymentObserved(Fact, frozen=True, kw_only=True, tag="deployment.observed"):
    """A version runs where DeployDB did not put it: done by hand, by another tool, or before our time."""

    projection = Projection(table="deployment", replay="event", change=None)

    service: Name
    environment: Name
    artifact: Artifact
    by: Name | None = None
    reason: Text | None = None
    url: Url | None = None
    historical: bool | None = None


class VerificationFinished(AboutDeployment, frozen=True, kw_only=True, tag="verification.finished"):
    """A job that checks a deployment has an answer. `errored` is no answer: the job itself broke. `pending` is no final
    one: not yet.

    `links`, `chain`: the ids of events that it follows, and the id of the chain that they share. Where they lead to one
    deployment alone it is about that one, else about the one that the other fields name.
    """

    projection = Projection(table="verification", replay="event", change=None)

    promotion: Name
    outcome: Literal["passed", "failed", "errored", "pending"]
    reason: Text | None = None
    url: Url | None = None
    links: Annotated[tuple[Name, ...], Meta(max_length=100)] | None = None
    chain: Name | None = None

    def __post_init__(self) -> None:
        if self.links is None and self.chain is None:
            super().__post_init__()


class AboutApproval(AboutDeployment, frozen=True, kw_only=True):
    """A person's word on one deployment, for one manual promotion, or for passing a freeze (promotion `freeze`).

    `digest`: of the artifact that the person has seen; the word counts for no other one. `url`: a page about it.
    """

    promotion: Name
    by: Name
    comment: Text | None = None
    digest: Name | None = None
    url: Url | None = None


class ApprovalGiven(AboutApproval, frozen=True, kw_only=True, tag="approval.given"):
    """A person says yes."""

    projection = Projection(
        table="approval", replay="event", constants={"given": True}, change="approved", detail="promotion"
    )


class ApprovalRefused(AboutApproval, frozen=True, kw_only=True, tag="approval.refused"):
    """A person says no."""

    projection = Projection(
        table="approval", replay="event", constants={"given": False}, change="refused", detail="promotion"
    )


class ArtifactAttested(Fact, frozen=True, kw_only=True, tag="artifact.attested"):
    """`signer` vouches for an artifact, by its digest: a signature, or an attestation of some `kind`.

    Who publishes the fact (`by`, where it is a person) has verified it.
    """

    projection = Projection(table="attestation", replay="standing", change=None)

    artifact: Artifact
    signer: Name
    kind: Name = "signature"
    by: Name | None = None
    url: Url | None = None
    historical: bool | None = None

    def __post_init__(self) -> None:
        if self.artifact.digest is None:
            raise ValueError("an attestation is for a digest: give `artifact.digest`")

    def columns(self) -> dict[str, Any]:
        file = self.artifact
        return {"module_key": module_key(file.group, file.name), "version": file.version, "digest": file.digest}


class ArtifactAccepted(Fact, frozen=True, kw_only=True, tag="artifact.accepted"):
    """A person says which file a version is that was published with several: the one with the digest of `artifact`."""

    projection = Projection(table="artifact", replay="event", change="accepted")

    artifact: Artifact
    by: Name
    reason: Text

    def __post_init__(self) -> None:
        if self.artifact.digest is None:
            raise ValueError("a file is accepted by its digest: give `artifact.digest`")

    @property
    def version(self) -> str:
        return self.artifact.version


class AboutIncident(Fact, frozen=True, kw_only=True):
    """Trouble in a service where it runs."""

    service: Name
    environment: Name
    version: Name | None = None
    incident: Name | None = None
    by: Name | None = None
    reason: Text | None = None
    url: Url | None = None
    historical: bool | None = None

    def columns(self) -> dict[str, Any]:
        return {"name": self.incident or ""}


class IncidentDetected(AboutIncident, frozen=True, kw_only=True, tag="incident.detected"):
    """An incident began."""

    projection = Projection(
        table="incident",
        replay="standing",
        constants={"open": True},
        change="incident",
        detail="incident",
        reopens=True,
    )


class IncidentResolved(AboutIncident, frozen=True, kw_only=True, tag="incident.resolved"):
    """An incident is over."""

    projection = Projection(
        table="incident",
        replay="standing",
        constants={"open": False},
        change="incident over",
        detail="incident",
        reopens=True,
    )


class EventUnused(Fact, frozen=True, kw_only=True, tag="event.unused"):
    """An event of another vocabulary that changes nothing by itself: the log keeps it.

    `kind`: its own type. `reason`: why it is of no use, where one of its kind could be.
    """

    projection = Projection(table=None, replay="never", change=None)

    kind: Name
    reason: Text | None = None


ORDERS: tuple[type[Fact], ...] = (
    AboutApproval,
    AboutHold,
    HotfixDeclared,
    PromotionRequested,
    AboutLane,
    ArtifactAccepted,
)
"""What people order: an unknown field of these is refused."""
