"""The reports on one version: who published it, who saw it running, and which word counts.

The publication that was recorded first is what the artifact is, for good: commands, approvals and verifications are
bound to its file, and its publisher is the author. What comes later is kept, so that contradictions are found, and says
at most that the same file was published earlier: a source's `time` decides the order of releases, never what one is.
Only a person's acceptance of another file that was published makes that one the version, from when it was recorded.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.artifact import Artifact, contradicted
from deploydb.domain.model.deployment import FactOrder, fact_order
from deploydb.domain.model.facts import ArtifactAccepted, ArtifactPublished, DeploymentObserved
from deploydb.domain.person_names import person_name

Key = tuple[str, str, str]
"""Group, name and version: what makes it the same artifact as another."""
FactKey = tuple[str, str]
"""Source and id of a fact."""

REMEDY = (
    "The known file stands: publish the other one as another version, or accept it: "
    "`deploydb artifact accept SERVICE VERSION DIGEST`"
)
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
        """What the fact says. `publisher`: who sent it, by the broker's word; `by` is empty where that is not known."""
        return cls(
            artifact=fact.artifact,
            by=person_name(publisher) if publisher else "",
            at=fact_order(fact),
            observed=isinstance(fact, DeploymentObserved),
            historical=bool(fact.historical) and isinstance(fact, ArtifactPublished),
        )

    @property
    def key(self) -> Key:
        """Which artifact it is about."""
        return (self.artifact.group, self.artifact.name, self.artifact.version)

    @property
    def fact(self) -> FactKey:
        """Which fact it is."""
        return (self.at.source, self.at.id)


class Acceptance(Struct, frozen=True, kw_only=True):
    """A person's word that the file with a digest is the version from now on, of the files that were published until
    then; these contradict it no more. `event`: of its log row."""

    key: Key
    digest: str
    event: int

    @classmethod
    def of(cls, fact: ArtifactAccepted, event: int) -> "Acceptance":
        file = fact.artifact
        return cls(key=(file.group, file.name, file.version), digest=file.digest or "", event=event)


class Standing(Struct, frozen=True, kw_only=True):
    """What publications of one version add up to: the one that counts, the other ones, and what contradicts.

    `first`: with the earliest time of those that name its file. `historical`: each publication is. `settled`: those of
    the `later` ones that an acceptance has settled; `accepted`: its log row."""

    first: Publication
    later: tuple[Publication, ...] = ()
    historical: bool = False
    conflict: str | None = None
    settled: frozenset[FactKey] = frozenset()
    accepted: int | None = None


def standing(words: Iterable[Publication | Acceptance]) -> Standing:
    """Weigh the publications of one version, in the order in which they were recorded, each fact once; any of them
    before each sighting, of which only the one that counts is kept: the earliest by (`time`, `source`, `id`).

    An acceptance of a digest that no publication before it has is none.
    """
    published: dict[FactKey, Publication] = {}
    seen: list[Publication] = []
    first, settled, accepted = None, frozenset[FactKey](), None
    for word in words:
        if isinstance(word, Acceptance):
            weighed = [*published.values()]
            same = [one for one in weighed if one.artifact.digest == word.digest]
            if first is None or not same:
                continue
            first = first if first in same else min(same, key=lambda one: one.at)
            settled, accepted = frozenset(published), word.event
        elif word.observed:
            seen.append(word)
            continue
        else:
            weighed = [published.setdefault(word.fact, word)]
            first = first or weighed[0]
        first = published[first.fact] = _dated(first, weighed)
    if first is None:
        return Standing(first=min(seen, key=lambda one: one.at))
    later = tuple(sorted((one for one in published.values() if one is not first), key=lambda one: one.at))
    return Standing(
        first=first,
        later=later,
        historical=all(one.historical for one in (first, *later)),
        conflict=_conflict([first, *(one for one in later if one.fact not in settled)]),
        settled=settled - {first.fact},
        accepted=accepted,
    )


def _dated(first: Publication, others: Iterable[Publication]) -> Publication:
    """The publication with the earliest time of those that name its file: it keeps that when another one is accepted,
    as a store has no other time of it."""
    same = (one.at.time for one in others if contradicted(first.artifact, one.artifact) is None)
    return replace(first, at=first.at._replace(time=min([first.at.time, *same])))


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
