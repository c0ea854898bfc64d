"""CDEvents out, held to the schemas of the specification."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
from msgspec.structs import replace

from deploydb.domain.model import facts
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import Notification, NotificationType
from deploydb.domain.model.webhooks import TYPES
from deploydb.domain.notification_examples import example_of
from deploydb.wire.cdevents_out import purl_of
from deploydb.wire.formats import read
from deploydb.wire.purl import artifact_of_purl
from deploydb.wire.webhook_formats import formatted
from tests.wire.cdevents import SAMPLES
from tests.wire.test_webhook_formats import PAGE, notification

SCHEMAS = sorted((SAMPLES / "schemas").glob("*.json"))


def event(type_: str, **more: Any) -> dict[str, Any]:
    return made(notification(type_, **more))


def made(message: Notification) -> dict[str, Any]:
    kind, text = formatted("cdevents", message, PAGE, "https://deploydb.test")
    assert kind == "application/json"
    found: dict[str, Any] = json.loads(text)
    return found


def schema(name: str) -> dict[str, Any]:
    """A schema without its links, which our events do not have: their references lead to no file."""
    found: dict[str, Any] = json.loads((SAMPLES / "schemas" / f"{name}.json").read_bytes())
    del found["properties"]["context"]["properties"]["links"], found["$id"]
    return found


@pytest.mark.skipif(not SCHEMAS, reason="the samples are not beside this clone")
@pytest.mark.parametrize(("kind", "name"), [("deploy", "servicedeployed"), ("rollback", "servicerolledback")])
def test_a_deployment_that_ended_well_is_valid(kind: str, name: str) -> None:
    body = event("deployment.finished", outcome="succeeded", kind=kind)
    jsonschema_rs.validator_for(schema(name), validate_formats=True).validate(body)


@pytest.mark.skipif(not SCHEMAS, reason="the samples are not beside this clone")
@pytest.mark.parametrize("type_", TYPES)
def test_the_custom_types_are_valid_but_for_their_type_and_content(type_: NotificationType) -> None:
    given = schema("servicedeployed")
    parts = given["properties"]
    parts["context"]["properties"]["type"] = {"pattern": r"^dev\.cdeventsx\.deploydb-[a-z]+\.[a-z]+\.0\.1\.0$"}
    parts["subject"]["properties"]["type"] = {"pattern": "^deploydb-"}
    parts["subject"]["properties"]["content"] = {"type": "object"}
    jsonschema_rs.validator_for(given, validate_formats=True).validate(made(replace(example_of(type_), outcome=None)))


def test_our_own_events_are_read_again() -> None:
    arrival = datetime(2026, 11, 22, 13, tzinfo=UTC)
    body = event("deployment.finished", outcome="failed", reason="no host")
    fact = read(json.dumps(body).encode(), arrived_at=arrival).fact
    assert isinstance(fact, facts.DeploymentFinished)
    assert (fact.deployment, fact.outcome, fact.reason) == (7, "failed", "no host")
    body = event("deployment.started")
    assert isinstance(read(json.dumps(body).encode(), arrived_at=arrival).fact, facts.DeploymentStarted)


@pytest.mark.parametrize("group", ["com.example", "@acme", "registry.x:5000/team", "a b", "ä"])
def test_a_generic_package_url_names_the_same_artifact_again(group: str) -> None:
    artifact = Artifact(group=group, name="shop", version="1.0")
    found = artifact_of_purl(purl_of(artifact), "$")
    assert (found["group"], found["name"], found["version"]) == (group, "shop", "1.0")


@pytest.mark.parametrize(
    ("purl", "version", "digest"),
    [
        ("pkg:generic/x@1.0?tag=latest", "1.0", None),
        ("pkg:docker/team/x@sha256:" + "a" * 64 + "?tag=1.0", "1.0", "sha256:" + "a" * 64),
        ("pkg:generic/x@1.0?checksum=sha1:" + "b" * 40 + ",sha256:" + "a" * 64, "1.0", "sha256:" + "a" * 64),
        ("pkg:generic/x@1.0?checksum=a,b", "1.0", None),
    ],
)
def test_a_tag_is_of_an_image_and_one_of_several_checksums_is_the_digest(
    purl: str, version: str, digest: str | None
) -> None:
    found = artifact_of_purl(purl, "$")
    assert (found["version"], found.get("digest")) == (version, digest)
