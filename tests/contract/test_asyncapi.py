"""The documents of the messages: as the code has them, valid, and true of what is sent and taken."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from deploydb.broker.asyncapi import document, message_schemas
from deploydb.broker.topology import topology
from deploydb.domain.model.commands import WHEN, NotificationType
from deploydb.domain.model.facts import fact_types, type_of
from deploydb.domain.model.webhooks import TYPES
from deploydb.domain.notification_examples import example_of
from deploydb.wire.native import encode_notification
from tests.cli.shell import Shell

ROOT = Path(__file__).parents[2]
OFFICIAL = Path(__file__).with_name("asyncapi-3.0.0.schema.json")
"""Of the specification, as npm has it in `@asyncapi/specs` 6.11.1."""


def read(path: Path) -> Any:
    return json.loads(path.read_bytes())


@pytest.fixture(scope="module")
def messages() -> Any:
    return jsonschema_rs.validator_for(message_schemas(), validate_formats=True)


def test_the_copies_are_up_to_date(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    advice = "run `make asyncapi`, and commit what changes"
    assert read(ROOT / "deploy/asyncapi.json") == json.loads(shell.ok("asyncapi").stdout), advice
    assert read(ROOT / "deploy/messages.schema.json") == json.loads(shell.ok("asyncapi", "--schema").stdout), advice


def test_it_is_valid_by_the_schema_of_the_specification() -> None:
    official = jsonschema_rs.validator_for(read(OFFICIAL))
    official.validate(document())
    broken = document()
    broken["channels"]["events"]["adress"] = "?"
    assert not official.is_valid(broken)


def test_the_schemas_are_valid_and_every_reference_leads_somewhere() -> None:
    jsonschema_rs.meta.validate(message_schemas())
    made = document()
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(made)):
        found = made
        for part in reference.split("/"):
            found = found[part]
        assert found


def test_every_exchange_and_queue_is_a_channel_with_its_arguments() -> None:
    bindings = [one["bindings"]["amqp"] for one in document()["channels"].values()]
    known = topology({"{orchestrator}": ()}, notifies=True)
    assert {one["exchange"]["name"] for one in bindings if "exchange" in one} == set(known.exchanges)
    assert {one["queue"]["name"] for one in bindings if "queue" in one} == {queue.name for queue in known.queues}


def test_every_type_of_message_is_there() -> None:
    found = document()["components"]["messages"].keys()
    assert {type_of(kind) for kind in fact_types()} | {f"notification.{name}" for name in TYPES} <= found
    assert WHEN.keys() == set(TYPES)


@pytest.mark.parametrize("type_", TYPES)
def test_a_notification_fits_its_schema(type_: NotificationType, messages: Any) -> None:
    sent = json.loads(encode_notification(example_of(type_)))
    messages.validate(sent)
    components = document()["components"]
    payload = components["messages"][f"notification.{type_}"]["payload"]
    own = jsonschema_rs.validator_for({**payload, "components": components})
    own.validate(sent)
    assert not own.is_valid(sent | {"type": "verdict.changed" if type_ == "flow.opened" else "flow.opened"})
    assert not own.is_valid({name: value for name, value in sent.items() if name != "id"})


def test_a_fact_fits_its_schema_and_one_that_would_be_refused_does_not(messages: Any) -> None:
    artifact = {"group": "com.example", "name": "storefront", "version": "1.0"}
    fact = {"type": "artifact.published", "id": "1", "source": "ci", "artifact": artifact}
    messages.validate(fact)
    for wrong in ({"type": "artifact.publisht"}, {"id": ""}, {"artifact": {"group": "com.example"}}):
        assert not messages.is_valid(fact | wrong)


def test_the_documentation_lists_every_type() -> None:
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`([a-z.]+)`", text[text.index("### Webhooks with a name") : text.index("## Defaults")]))
    assert set(TYPES) <= listed


def test_the_examples_are_as_they_are_sent() -> None:
    for name, message in document()["components"]["messages"].items():
        for example in message.get("examples", ()):
            assert example["payload"] == msgspec.to_builtins(example_of(example["name"])), name
