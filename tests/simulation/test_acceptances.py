"""A replay of a past in which a person accepted another file of a version."""

from msgspec.structs import replace

from deploydb.domain.model.facts import ArtifactAccepted, ArtifactPublished
from tests.domain.given import artifact, at
from tests.simulation.given import Past
from tests.simulation.test_replay import PLAIN


def test_the_accepted_file_is_the_release_from_then_on() -> None:
    for until, digest in ((15, "sha256:a"), (25, "sha256:b")):
        past = Past()
        for number, (minutes, published) in enumerate(((0, "sha256:a"), (10, "sha256:b"))):
            file = replace(artifact("1.0"), digest=published)
            past.tell(ArtifactPublished(id=str(number), source="ci", time=at(minutes), artifact=file))
        file = replace(artifact("1.0"), digest="sha256:b")
        past.tell(ArtifactAccepted(id="3", source="cli", time=at(20), artifact=file, by="ann", reason="moved"))
        replay, _ = past.replayed(PLAIN, until=at(until))
        releases = {known.release for known in replay.ledgers["foo"].deployments.values()}
        assert {(one.artifact.digest, one.conflict is None) for one in releases} == {(digest, digest == "sha256:b")}
