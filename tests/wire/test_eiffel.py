"""Eiffel events in: what each is by itself, and with those that it links to."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from deploydb.domain.model import facts
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import EventUnused, type_of
from deploydb.wire.eiffel_event import EiffelEvent
from deploydb.wire.eiffel_mapping import Unlinked, meaning
from deploydb.wire.formats import read
from deploydb.wire.native import decode_logged
from deploydb.wire.reading import Reading
from tests.wire.eiffel import BECOMES, SAMPLES, confidence, created, custom, deployed, eiffel, published

ARRIVAL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_decoder = msgspec.json.Decoder(EiffelEvent)


def take(body: bytes) -> Reading:
    return read(body, arrived_at=ARRIVAL)


def meant(body: bytes, *others: bytes, services: tuple[str, ...] = ("foo",)) -> list[dict[str, Any]]:
    """The first fact of each that the event is with the others."""
    known = {event.id: event for event in map(_decoder.decode, others)}
    return [one.facts[0] for one in meaning(_decoder.decode(body), known, lambda group, name: services)]


@pytest.mark.skipif(not SAMPLES, reason="the samples are not beside this clone")
def test_the_table_has_every_sample() -> None:
    assert sorted(SAMPLES) == sorted(BECOMES)


@pytest.mark.skipif(not SAMPLES, reason="the samples are not beside this clone")
@pytest.mark.parametrize("name", sorted(BECOMES))
def test_a_sample_is_taken_and_kept_byte_for_byte(name: str) -> None:
    body = SAMPLES[name].read_bytes()
    reading = take(body)
    assert isinstance(reading.fact, EventUnused)
    assert (type_of(reading.fact), reading.fact.reason) == BECOMES[name]
    assert (reading.fact.kind, reading.fact.source) == (name, "eiffel")
    assert reading.fact.time == datetime(1970, 1, 15, 6, 56, 7, 890000, tzinfo=UTC)
    assert body.strip() in reading.body
    assert decode_logged(reading.body, arrived_at=ARRIVAL) == reading.fact


@pytest.mark.parametrize("kind", ["ActivityTriggered", "TestSuiteFinished", "FlowContextDefined", "SomethingNew"])
def test_other_types_are_of_no_use(kind: str) -> None:
    fact = take(eiffel(kind, "1", {"customData": "odd"}, cause="2")).fact
    assert isinstance(fact, EventUnused)
    assert (fact.kind, fact.reason) == (f"Eiffel{kind}Event", None)


def test_the_source_has_the_domain() -> None:
    body = b'{"meta":{"type":"EiffelXEvent","id":"1","time":0,"source":{"domainId":"acme.build"}}}'
    assert take(body).fact.source == "eiffel/acme.build"


@pytest.mark.parametrize(
    ("value", "outcome"), [("SUCCESS", "passed"), ("FAILURE", "failed"), ("INCONCLUSIVE", "errored")]
)
def test_a_confidence_level_is_a_verification_of_its_subject(value: str, outcome: str) -> None:
    fact = take(confidence("1", value, "a-1")).fact
    assert isinstance(fact, facts.VerificationFinished)
    assert (fact.promotion, fact.outcome, fact.links) == ("smoke", outcome, ("a-1",))
    several = meant(confidence("1", value, "a-1", "a-2"))
    assert [(one["id"], one["links"]) for one in several] == [("1/a-1", ["a-1"]), ("1/a-2", ["a-2"])]


def test_the_custom_data_names_what_no_link_does() -> None:
    own = {"service": "foo", "environment": "dev", "version": "1", "promotion": "load"}
    fact = take(confidence("1", "SUCCESS", **own)).fact
    assert isinstance(fact, facts.VerificationFinished)
    assert (fact.promotion, fact.service, fact.environment, fact.links) == ("load", "foo", "dev", None)
    fact = take(deployed("1", "a-1", "e-1", command="c-1")).fact
    assert isinstance(fact, facts.DeploymentFinished)
    assert (fact.command, fact.outcome) == ("c-1", "succeeded")


def test_a_published_artifact_is_the_one_that_was_created() -> None:
    (fact,) = meant(published("p-1", "a-1"), created("a-1", "1.0", composition="c-1"))
    assert (fact["type"], fact["id"]) == ("artifact.published", "p-1/a-1")
    assert fact["artifact"] == {
        "group": "com.example",
        "name": "foo",
        "version": "1.0",
        "purl": "pkg:maven/com.example/foo@1.0",
        "url": "https://repo.example/foo",
    }
    first = {"gav": {"groupId": "com.example", "artifactId": "foo", "version": "1.0"}}
    (same,) = meant(published("p-1", "a-1"), eiffel("ArtifactCreated", "a-1", first))
    assert same == fact


@pytest.mark.parametrize(
    ("files", "digest"),
    [
        ([{"name": "foo.jar", "integrityProtection": {"alg": "SHA-256", "digest": "AB" * 32}}], f"sha256:{'ab' * 32}"),
        ([{"name": "foo.jar", "integrityProtection": {"alg": "SHA-224", "digest": "ab" * 28}}], None),
        ([{"name": "foo.jar"}], None),
        ([{"name": "a"}, {"name": "b", "integrityProtection": {"alg": "SHA-256", "digest": "ab" * 32}}], None),
        ("foo.jar", None),
    ],
)
def test_the_digest_is_that_of_the_only_file(files: Any, digest: str | None) -> None:
    data = {"identity": "pkg:maven/com.example/foo@1.0", "fileInformation": files}
    (fact,) = meant(published("p-1", "a-1"), eiffel("ArtifactCreated", "a-1", data))
    assert fact["artifact"].get("digest") == digest


def test_commit_and_author_are_those_of_the_only_source_change() -> None:
    git = {"commitId": "abc1234", "repoUri": "https://git.example/foo"}
    change = eiffel("SourceChangeCreated", "scc", {"gitIdentifier": git, "author": {"name": "Ann", "id": "ann"}})
    submission = eiffel("SourceChangeSubmitted", "scs", {"submitter": {"name": "Bob"}}, change="scc")
    composition = eiffel("CompositionDefined", "c-1", element=["scs", "scc", "another-artifact"])
    rest = (published("p-1", "a-1"), created("a-1", "1.0", composition="c-1"), composition)
    (fact,) = meant(*rest, submission, change)
    known = fact["artifact"]
    assert (known["commit"], known["author"], known["triggered_by"]) == ("abc1234", "ann", "Bob")
    two = eiffel("CompositionDefined", "c-1", element=["scs", "other"])
    other = eiffel("SourceChangeSubmitted", "other", {"gitIdentifier": git})
    (fact,) = meant(rest[0], rest[1], two, submission, change, other)
    assert "commit" not in fact["artifact"]


def test_a_deployed_artifact_runs_in_the_environment_that_was_defined() -> None:
    place = eiffel("EnvironmentDefined", "e-1", {"name": "prod"})
    (fact,) = meant(deployed("d-1", "a-1", "e-1"), created("a-1", "1.0"), place)
    assert (fact["type"], fact["id"], fact["outcome"]) == ("deployment.finished", "d-1/a-1", "succeeded")
    assert (fact["service"], fact["environment"], fact["version"]) == ("foo", "prod", "1.0")
    (fact,) = meant(deployed("d-1", "a-1", "e-1", environment="dev", service="shop"), created("a-1", "1.0"))
    assert (fact["service"], fact["environment"]) == ("shop", "dev")
    renamed = eiffel("EnvironmentDefined", "e-1", {"name": "Host 7", **custom(environment="prod")})
    assert meant(deployed("d-1", "a-1", "e-1"), created("a-1", "1.0"), renamed)[0]["environment"] == "prod"


@pytest.mark.parametrize(
    ("others", "services", "why", "awaited"),
    [
        ([], ["foo"], "the event a-1 and e-1 that it links to are not known", ("a-1", "e-1")),
        ([created("a-1", "1")], ["foo"], "the event e-1 that it links to is not known", ("e-1",)),
        (
            [created("a-1", "1"), created("e-1", "1")],
            ["foo"],
            "the event e-1 that it links to names no environment",
            (),
        ),
        ([eiffel("X", "a-1"), eiffel("EnvironmentDefined", "e-1", {"name": "dev"})], ["foo"], "is no Eiffel", ()),
        (
            [eiffel("ArtifactCreated", "a-1", {"identity": "foo"}), created("e-1", "1")],
            ["foo"],
            "names no artifact",
            (),
        ),
        (
            [created("a-1", "1"), eiffel("EnvironmentDefined", "e-1", {"name": "dev"})],
            ["a", "b"],
            "a part of a and b",
            (),
        ),
        ([created("a-1", "1"), eiffel("EnvironmentDefined", "e-1", {"name": "dev"})], [], "a part of no service", ()),
    ],
)
def test_a_deployment_says_what_it_needs(
    others: list[bytes], services: list[str], why: str, awaited: tuple[str, ...]
) -> None:
    with pytest.raises(Unlinked, match=why) as unlinked:
        meant(deployed("d-1", "a-1", "e-1"), *others, services=tuple(services))
    assert unlinked.value.links == awaited


def test_what_lacks_a_link_is_of_no_use_and_says_so() -> None:
    bodies = (
        (eiffel("ArtifactPublished", "1"), "names no artifact"),
        (eiffel("ArtifactDeployed", "1", artifact="a-1"), "names no environment"),
        (confidence("1", "SUCCESS"), "names no subject"),
        (eiffel("ArtifactCreated", "1", {"identity": "pkg:maven/g/n"}), "it names no artifact"),
        (eiffel("ArtifactCreated", "1", {"identity": ["x"]}), "it names no artifact"),
    )
    for body, reason in bodies:
        assert unused(body).startswith(reason)


def unused(body: bytes) -> str:
    fact = take(body).fact
    assert isinstance(fact, EventUnused)
    return fact.reason or ""


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256, None])
def test_a_level_whose_name_is_none_here_is_of_no_use(name: str | None) -> None:
    body = eiffel("ConfidenceLevelModified", "1", {"name": name, "value": "SUCCESS"}, subject="a")
    assert unused(body).startswith("data.name is no name of a promotion")
    subjects = [f"a-{number}" for number in range(101)]
    assert unused(confidence("1", "SUCCESS", *subjects)) == "has 101 subjects; at most 100 are taken"


def test_a_text_that_is_not_used_or_only_shown_refuses_nothing() -> None:
    assert len(unused(created("a-1", "1" * 9000))) < 400
    assert "1.0\\x00" in unused(created("a-1", "1.0%00"))
    for body in (
        eiffel("X", "1", cause="y" * 256),
        b'{"meta":{"type":"EiffelXEvent","id":"1","time":0,"source":{"domainId":"a\\nb"}}}',
    ):
        assert take(body).fact.source == "eiffel"
    assert unused(published("p-1", "a" * 256)).startswith("names no artifact")


def test_a_release_is_taken_without_the_texts_that_do_not_fit() -> None:
    change = {"submitter": {"name": "Ann\xa0Lee", "email": "ann@x.example"}, "gitIdentifier": {"commitId": "a\nb"}}
    others = (
        created("a-1", "1.0", composition="c-1"),
        eiffel("CompositionDefined", "c-1", element="s-1"),
        eiffel("SourceChangeSubmitted", "s-1", change),
    )
    uris = [{"type": "PLAIN", "uri": uri} for uri in ("x" * 9000, "https://repo.example/foo")]
    (fact,) = meant(eiffel("ArtifactPublished", "p-1", {"locations": uris}, artifact="a-1"), *others)
    known = fact["artifact"]
    assert (known["triggered_by"], known["url"], known.get("commit")) == (
        "ann@x.example",
        "https://repo.example/foo",
        None,
    )
    long = {"description": "x" * 9000, "uri": "x" * 9000, **custom(service="foo", environment="dev")}
    known_events = {"a-1": _decoder.decode(others[0])}
    body = _decoder.decode(eiffel("ArtifactDeployed", "d-1", long, artifact="a-1"))
    (found,) = meaning(body, known_events, lambda group, name: ())
    assert (len(found.facts[1]["reason"]), found.facts[1]["url"]) == (8192, None)


def test_an_event_awaits_only_what_it_is_made_of() -> None:
    many = [f"a-{number}" for number in range(200)]
    assert take(eiffel("ArtifactPublished", "p-1", artifact=many)).awaits == ("event a-0",)
    body = eiffel("ArtifactDeployed", "d-1", artifact=many, environment=["e-1", "e-2"])
    assert take(body).awaits == ("event a-0", "event e-1")


def test_a_composition_may_have_many_elements_and_says_where_they_are_too_many() -> None:
    elements = [f"x-{number}" for number in range(200)]
    others = (
        created("a-1", "1.0", composition="c-1"),
        eiffel("CompositionDefined", "c-1", element=[*elements, "s-1"]),
        eiffel("SourceChangeSubmitted", "s-1", {"submitter": {"id": "ann"}}),
    )
    assert meant(published("p-1", "a-1"), *others)[0]["artifact"]["triggered_by"] == "ann"
    too_many = eiffel("CompositionDefined", "c-1", element=[f"x-{number}" for number in range(1001)])
    assert unused(too_many).startswith("it has 1001 elements")


@pytest.mark.parametrize(("version", "found"), [("1.0#5", "1.0#5"), ("1.0", "1.0"), (None, None), (7, None)])
def test_coordinates_of_the_first_edition_are_three_texts(version: Any, found: str | None) -> None:
    old = {"gav": {"groupId": "com.example", "artifactId": "foo", "version": version}}
    body = eiffel("ArtifactCreated", "a-1", old)
    if found is None:
        assert unused(body) == "it names no artifact: $.data.gav: needs groupId, artifactId and version, each a text"
    else:
        assert meant(published("p-1", "a-1"), body)[0]["artifact"]["version"] == found


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (eiffel("X", ""), "$.meta.id"),
        (b'{"meta":{"type":"EiffelXEvent","id":"1"}}', "$.meta.time"),
        (b'{"meta":{"type":"EiffelXEvent","id":"1","time":99999999999999999}}', "$.meta.time"),
        (b'{"meta":{"type":"EiffelXEvent","id":"1","time":1e400}}', "$.meta.time"),
        (b'{"meta":{"type":"EiffelXEvent","id":"1","time":0},"data":[]}', "$.data"),
        (b'{"meta":{"type":"EiffelXEvent","id":"1","time":0},"links":[{"type":"CAUSE"}]}', "$.links[0].target"),
        (confidence("1", "GOOD", "a-1"), "$.data.value"),
        (eiffel("ConfidenceLevelModified", "1", {"name": "smoke", "value": ["SUCCESS"]}), "$.data.value"),
        (confidence("1", "SUCCESS", "a-1", deployment="x"), "$.data.customData.deploydb.deployment"),
    ],
)
def test_a_wrong_field_is_named(body: bytes, path: str) -> None:
    with pytest.raises(MessageRejected) as refused:
        take(body)
    assert refused.value.path == path


@pytest.mark.parametrize("body", [b'{"meta":{"type":"X"}}', b'{"meta":7}', b'{"meta":{"type":"EiffelX"},"type":"x"}'])
def test_what_has_another_form_is_no_eiffel_event(body: bytes) -> None:
    with pytest.raises(MessageRejected) as refused:
        take(body)
    assert refused.value.path == "$.type"
