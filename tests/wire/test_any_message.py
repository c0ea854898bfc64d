"""Encoding and decoding are inverse; every message is a fact or rejected; real releases are facts."""

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import ArtifactPublished
from deploydb.wire.native import decode_command, encode_command, encode_fact
from tests.wire.given import COMMANDS, FACTS, FINISHED, PUBLISHED, facts, take

SAMPLES = Path(__file__).parents[2] / "../shared/samples/releases.jsonl"


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__struct_config__.tag)
def test_every_fact_decodes_to_itself(kind: type[msgspec.Struct]) -> None:
    @given(facts(kind))
    def check(fact: Any) -> None:
        assert take(encode_fact(fact)) == fact

    check()


@given(COMMANDS)
def test_every_command_decodes_to_itself(command: DeployCommand) -> None:
    assert decode_command(encode_command(command)) == command


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["\0", "\ud800", "x" * 300]),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=5), inside, max_size=4),
    max_leaves=12,
)
NEARLY = st.builds(
    lambda whole, fields, dropped: json.dumps(
        {name: value for name, value in (whole | fields).items() if name != dropped}
    ).encode(),
    st.sampled_from([PUBLISHED, FINISHED]),
    st.dictionaries(st.sampled_from([*PUBLISHED, *FINISHED, "service", "reason", "x"]), JSON, max_size=3),
    st.sampled_from([*PUBLISHED, "none"]),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | NEARLY)
@example(b"\xff")
@example(b'{"type": "artifact.published"')
def test_every_message_is_a_fact_or_rejected(body: bytes) -> None:
    fact = taken_or_refused(body)
    if isinstance(fact, MessageRejected):
        assert fact.path.startswith("$")
        assert fact.reason
        assert str(fact).encode()
    else:
        assert isinstance(fact, FACTS)
        assert fact.time is not None
        assert "\0" not in str(json.loads(body))


def taken_or_refused(body: bytes) -> Any:
    try:
        return take(body)
    except MessageRejected as refused:
        return refused


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
def test_every_real_release_is_a_fact() -> None:
    lines = SAMPLES.read_bytes().splitlines()
    facts_ = [take(line) for line in lines]
    assert len({(fact.source, fact.id) for fact in facts_}) == len(lines) == 2221
    assert all(isinstance(fact, ArtifactPublished) and fact.time.tzinfo is UTC for fact in facts_)
