"""Facts, folded into the rows of several services in memory as the store folds them."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from deploydb.domain.model.facts import AboutDeployment, ArtifactAttested, ArtifactPublished, DeploymentObserved, Fact
from deploydb.domain.model.history import LogEntry
from deploydb.engine.memory_store import MemoryStore
from tests.domain.given import FOO, THREE, artifact, at, catalog

KNOWN = catalog(*THREE)


def taken(*facts: Fact) -> MemoryStore:
    store = MemoryStore(KNOWN, KNOWN.services)
    for number, fact in enumerate(facts, start=1):
        store.take(LogEntry(number=number, recorded_at=at(600), fact=fact))
    return store


def published(minutes: float, **fields: Any) -> ArtifactPublished:
    return ArtifactPublished(id=str(minutes), source="ci", time=at(minutes), artifact=artifact("1.0", **fields))


def releases(store: MemoryStore) -> set[tuple[datetime, str | None]]:
    deployments = store.ledgers["foo"].deployments.values()
    return {(known.release.published_at, known.release.artifact.digest) for known in deployments}


def test_the_file_that_was_recorded_first_is_the_release_of_every_deployment_since_it_was_first_published() -> None:
    store = taken(published(5, digest="sha256:b"), published(3, digest="sha256:a"), published(4))
    assert releases(store) == {(at(4), "sha256:b")}
    assert len(store.ledgers["foo"].deployments) == len(THREE)


def test_of_two_publications_at_the_same_time_the_one_that_was_recorded_first_stands() -> None:
    one, other = published(5, digest="sha256:a"), replace(published(5, digest="sha256:b"), id="0")
    assert releases(taken(one, other)) == {(at(5), "sha256:a")}
    assert releases(taken(other, one)) == {(at(5), "sha256:b")}


def test_a_publication_stands_before_an_earlier_sighting() -> None:
    seen = DeploymentObserved(
        id="1", source="hand", time=at(1), service="foo", environment="prod", artifact=artifact("1.0", module=FOO)
    )
    assert releases(taken(seen, published(5))) == releases(taken(published(5), seen)) == {(at(5), None)}


def test_a_signer_has_one_attestation_of_a_digest_the_latest() -> None:
    first = ArtifactAttested(
        id="1", source="ci", time=at(1), artifact=artifact("1.0", digest="sha256:a"), signer="cosign"
    )
    store = taken(published(0), first, replace(first, id="2", time=at(3)), replace(first, id="3", time=at(2)))
    evidence = store.snapshot("foo").evidence.values()
    assert {tuple(one.event for one in given.attestations) for given in evidence} == {(3,)}


def test_a_type_of_fact_about_a_deployment_is_refused_until_it_has_a_place() -> None:
    store = taken(published(0))
    with pytest.raises(TypeError, match="no place for AboutDeployment"):
        store.report("foo", 1, 2, AboutDeployment(id="2", source="ci", time=at(1), deployment=1), at(1))
