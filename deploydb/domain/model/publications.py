"""The reports on one version: who published it, who saw it running, and which word counts.

The publication that was recorded first is what the artifact is, for good: commands, approvals and verifications are
bound to its file, and its publisher is the author. What comes later is kept, so that contradictions are found, and says
at most that the same file was published earlier: a source's `time` decides the order of releases, never what one is.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from deploydb.domain.model.artifact import Artifact, contradicted
from deploydb.domain.model.deployment import FactOrder, fact_order
from deploydb.domain.model.facts import ArtifactPublished, DeploymentObserved
from deploydb.domain.person_names import person_name

Key = tuple[str, str, str]
"""Group, name and version: what makes it the same artifact as another."""

REMEDY = "The file that was recorded first stands: publish the other one as another version."
"""For a version with two files."""


class Publication(Struct, frozen=True, kw_only=True):
    """One word about a version: a publication, or (`observed`) only a sighting of it running somewhere. `historical`: a
    publication that opens no flow."""

    artifact: Artifact
    by: str
    at: FactOrder
    observed: bool = False
    historical: bool = False

    @classmethod
    def of(cls, fact: ArtifactPublished | DeploymentObserved, publisher: str | None) -> "Publication":
        """What the fact says. `publisher`: who sent it, by the broker's word."""
        return cls(
            artifact=fact.artifact,
            by=person_name(publisher or fact.source),
            at=fact_order(fact),
            observed=isinstance(fact, DeploymentObserved),
            historical=bool(fact.historical) and isinstance(fact, ArtifactPublished),
        )

    @property
    def key(self) -> Key:
        """Which artifact it is about."""
        return (self.artifact.group, self.artifact.name, self.artifact.version)


class Standing(Struct, frozen=True, kw_only=True):
    """What publications of one version add up to: the one that counts, the `later` ones, and what contradicts.

    `published_at`: the earliest time of those that name the same file as the `first`. `historical`: each
    publication is."""

    first: Publication
    published_at: datetime
    later: tuple[Publication, ...] = ()
    historical: bool = False
    conflict: str | None = None


def standing(publications: Iterable[Publication]) -> Standing:
    """Weigh the publications of one version, in the order in which they were recorded, each fact once; any of them
    before each sighting, of which only the one that counts is kept: the earliest by (`time`, `source`, `id`)."""
    by_fact: dict[tuple[str, str], Publication] = {}
    for one in publications:
        by_fact.setdefault((one.at.source, one.at.id), one)
    published = [one for one in by_fact.values() if not one.observed]
    if not published:
        first = min(by_fact.values(), key=lambda one: one.at)
        return Standing(first=first, published_at=first.at.time)
    first, *others = published
    later = sorted(others, key=lambda one: one.at)
    same = [one for one in later if contradicted(first.artifact, one.artifact) is None]
    return Standing(
        first=first,
        published_at=min(one.at.time for one in (first, *same)),
        later=tuple(later),
        historical=all(one.historical for one in published),
        conflict=_conflict((first, *later)),
    )


def _conflict(ordered: Sequence[Publication]) -> str | None:
    """Which later publication says something else than an earlier one, in words."""
    for index, later in enumerate(ordered):
        for earlier in ordered[:index]:
            what = contradicted(earlier.artifact, later.artifact)
            if what is not None:
                mine, other = getattr(later.artifact, what), getattr(earlier.artifact, what)
                return (
                    f"{later.at.source}/{later.at.id} published it with {what} {mine}, {earlier.at.source} with {other}"
                )
    return None
