"""The reports on one version: who published it, who saw it running, and which word counts.

The earliest publication by (`time`, `source`, `id`) is what the artifact is. The others are kept, so that a fact that
comes late but happened first takes its place, and so that contradictions are found whatever came in between.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from deploydb.domain.model.artifact import Artifact, contradicted
from deploydb.domain.model.deployment import FactOrder, fact_order
from deploydb.domain.model.facts import ArtifactPublished, DeploymentObserved
from deploydb.domain.person_names import person_name

Key = tuple[str, str, str]
"""Group, name and version: what makes it the same artifact as another."""

REMEDY = "The earliest file stands: publish the other one as another version."
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

    `historical`: each publication is."""

    earliest: Publication
    later: tuple[Publication, ...] = ()
    historical: bool = False
    conflict: str | None = None


def standing(publications: Iterable[Publication]) -> Standing:
    """Weigh the publications of one version, each fact once, in whatever order; any of them before each sighting, of
    which only the one that counts is kept."""
    by_fact = {(one.at.source, one.at.id): one for one in publications}
    earliest, *later = sorted(by_fact.values(), key=lambda one: (one.observed, one.at))
    published = [one for one in (earliest, *later) if not one.observed]
    return Standing(
        earliest=earliest,
        later=tuple(published[1:]),
        historical=bool(published) and all(one.historical for one in published),
        conflict=_conflict(published),
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
