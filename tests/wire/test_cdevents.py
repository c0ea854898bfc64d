"""CDEvents in, of each version, and what they become."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deploydb.domain.model import facts
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import EventUnused, type_of
from deploydb.wire.formats import read
from deploydb.wire.native import decode_logged
from deploydb.wire.reading import Reading
from tests.wire.cdevents import BECOMES, CONFORMANCE, cdevent, conformance, deployed, link, published, suite_finished

ARRIVAL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
has_samples = pytest.mark.skipif(not CONFORMANCE, reason="the samples are not beside this clone")


def take(body: bytes, **more: Any) -> Reading:
    return read(body, arrived_at=ARRIVAL, **more)


def last(reading: Reading) -> Reading:
    """The fact that it is where nothing was commanded."""
    return last(reading.otherwise) if reading.otherwise is not None else reading


@has_samples
def test_the_table_has_every_conformance_file() -> None:
    assert sorted(CONFORMANCE) == sorted(BECOMES)
    assert len(BECOMES) == 45


@has_samples
@pytest.mark.parametrize("name", sorted(BECOMES))
def test_a_conformance_file_is_taken_and_kept_byte_for_byte(name: str) -> None:
    body = CONFORMANCE[name].read_bytes()
    reading = last(take(body))
    assert type_of(reading.fact) == BECOMES[name]
    assert body.strip() in reading.body
    assert decode_logged(reading.body, arrived_at=ARRIVAL) == reading.fact
    if isinstance(reading.fact, EventUnused):
        assert reading.fact.kind == json.loads(body)["context"]["type"]


@has_samples
@pytest.mark.parametrize("version", ["0.3.0", "0.5.0"])
@pytest.mark.parametrize("name", sorted(BECOMES))
def test_the_other_versions_are_read_by_the_same_fields(name: str, version: str) -> None:
    event = json.loads(conformance(name))
    if version == "0.3.0":
        event["context"] = {key: event["context"][key] for key in ("id", "source", "timestamp", "type")} | {
            "version": version
        }
    else:
        del event["context"]["version"], event["subject"]["type"]
        event["context"]["specversion"] = version
    event["context"]["type"] = event["context"]["type"].rpartition(".")[0] + ".9"
    assert type_of(last(take(json.dumps(event).encode())).fact) == BECOMES[name]


def test_an_artifact_is_its_package_url() -> None:
    fact = take(published("1", "1.2.3")).fact
    assert isinstance(fact, facts.ArtifactPublished)
    assert (fact.artifact.module, fact.artifact.version) == ("com.example:foo", "1.2.3")
    image = "pkg:oci/foo@sha256%3A" + "0b" * 32 + "?repository_url=ghcr.io/acme/foo&tag=1.2"
    fact = take(cdevent("artifact.packaged.0.2.0", "2", image)).fact
    assert isinstance(fact, facts.ArtifactPublished)
    assert (fact.artifact.module, fact.artifact.version) == ("ghcr.io/acme:foo", "1.2")
    assert fact.artifact.digest == "sha256:" + "0b" * 32
    assert (fact.artifact.purl or "").startswith("pkg:oci/foo@sha256:0b")


def test_the_custom_data_says_what_the_package_url_does_not() -> None:
    custom = {"group": "com.example", "name": "shop", "version": "7", "commit": "abc1234"}
    fact = take(cdevent("artifact.published.0.2.0", "1", "pkg:generic/x@1", custom=custom)).fact
    assert isinstance(fact, facts.ArtifactPublished)
    assert (fact.artifact.module, fact.artifact.version, fact.artifact.commit) == ("com.example:shop", "7", "abc1234")


@pytest.mark.parametrize(
    ("kind", "content", "custom", "commit", "by"),
    [
        ("packaged", {"change": {"id": "9f" * 20, "source": "git.example/foo"}}, {}, "9f" * 20, None),
        ("packaged", {"change": {"id": "myChange123"}}, {}, None, None),
        ("packaged", {"change": {"id": "9f" * 20}}, {"commit": "abc1234"}, "abc1234", None),
        ("published", {"user": "ann", "sbom": {"uri": "https://sbom.example"}}, {}, None, "ann"),
        ("published", {"user": "bot"}, {"triggered_by": "ann"}, None, "ann"),
    ],
)
def test_an_artifact_has_the_commit_of_its_change_and_its_user(
    kind: str, content: dict[str, Any], custom: dict[str, Any], commit: str | None, by: str | None
) -> None:
    fact = take(cdevent(f"artifact.{kind}.0.2.0", "1", "pkg:maven/com.example/foo@1", content, custom=custom)).fact
    assert isinstance(fact, facts.ArtifactPublished)
    assert (fact.artifact.commit, fact.artifact.triggered_by) == (commit, by)


def test_a_deployed_service_is_what_was_commanded_or_was_seen() -> None:
    reading = take(deployed("1", "1.0", "dev"))
    finished, observed = reading.fact, last(reading).fact
    assert isinstance(finished, facts.DeploymentFinished)
    assert (finished.service, finished.environment, finished.version) == ("foo", "dev", "1.0")
    assert isinstance(observed, facts.DeploymentObserved)
    assert observed.artifact.module == "com.example:foo"


@pytest.mark.parametrize(
    ("outcome", "expected"), [("pass", "passed"), ("fail", "failed"), ("error", "errored"), ("cancel", "errored")]
)
def test_a_test_is_a_verification_of_the_promotion_that_it_names(outcome: str, expected: str) -> None:
    fact = take(suite_finished("1", "dev", outcome, chainId="c-1", links=link("d-1"))).fact
    assert isinstance(fact, facts.VerificationFinished)
    assert (fact.promotion, fact.outcome, fact.links, fact.chain) == ("smoke", expected, ("d-1",), "c-1")


def test_a_test_names_its_deployment_and_promotion_in_the_custom_data() -> None:
    fact = take(suite_finished("1", "dev", custom={"promotion": "load", "command": "c-1"})).fact
    assert isinstance(fact, facts.VerificationFinished)
    assert (fact.promotion, fact.command) == ("load", "c-1")


@pytest.mark.parametrize("state", ["started", "finished"])
def test_a_deployment_of_ours_is_named_by_its_command(state: str) -> None:
    kind = f"deploydb-deployment.{state}.0.1.0"
    body = cdevent(kind, "1", "c-1", {"outcome": "failed", "reason": "no host"}, type=f"dev.cdeventsx.{kind}")
    fact = take(body).fact
    assert type_of(fact) == f"deployment.{state}"
    assert isinstance(fact, facts.AboutDeployment)
    assert fact.command == "c-1"


def test_what_lacks_a_name_is_of_no_use_and_says_so() -> None:
    incident = cdevent("incident.detected.0.2.0", "1", "i-1", {"environment": {"id": "dev"}})
    suite = cdevent("testsuiterun.finished.0.2.0", "2", "r-1", {"environment": {"id": "dev"}, "outcome": "pass"})
    for body, reason in ((incident, "names no service"), (suite, "names no test")):
        fact = take(body).fact
        assert isinstance(fact, EventUnused)
        assert (fact.reason or "").startswith(reason)


@pytest.mark.parametrize(
    ("body", "path", "problem"),
    [
        (cdevent("artifact.published.0.2.0", "1", "foo 1.2"), "$.subject.id", "not a package URL"),
        (cdevent("artifact.published.0.2.0", "1", "pkg:maven/g/n"), "$.subject.id", "has no version"),
        (cdevent("build.started.0.2.0", "", "b"), "$.context.id", ""),
        (published("1", "1", timestamp="2026-11-22T12:00:00"), "$.context.timestamp", "zone"),
        (published("1", "1", source="deploydb"), "$.context.source", "DeployDB's own"),
        (suite_finished("1", "dev", "great"), "$.subject.content.outcome", "unknown outcome 'great'"),
        (deployed("1", "1", ""), "$.subject.content.environment.id", ""),
        (suite_finished("1", "dev", custom={"deployment": "x"}), "$.customData.deploydb.deployment", "int"),
        (cdevent("service.deployed.0.2.0", "1", "foo", {}), "$.subject.content.artifactId", "is missing"),
        (published("1", "1", extra="\0"), "$.context.extra", "NUL"),
    ],
)
def test_what_cannot_be_taken_names_its_field(body: bytes, path: str, problem: str) -> None:
    with pytest.raises(MessageRejected) as raised:
        take(body)
    assert raised.value.path == path
    assert problem in raised.value.reason


def test_a_native_message_with_such_words_is_judged_as_native() -> None:
    body = b'{"type":"artifact.published","id":"1","source":"ci","context":{},"subject":{}}'
    with pytest.raises(MessageRejected) as raised:
        take(body)
    assert raised.value.path == "$.artifact"
