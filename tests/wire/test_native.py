"""Native JSON: a good message decodes, and a bad one is rejected with its field."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import (
    ORDERS,
    ApprovalGiven,
    ArtifactPublished,
    DeploymentFinished,
    HoldPlaced,
    fact_types,
    type_of,
)
from deploydb.settings import MAX_BODY_BYTES
from deploydb.wire.error_messages import OR_UPGRADE
from deploydb.wire.native import decode_arrived, decode_command, decode_logged, encode_fact, time_ahead
from tests.wire.given import ARRIVAL, PUBLISHED, beside, finished, published, take

KNOWN = f"known types are {', '.join(map(type_of, fact_types()))}"
NAME_ONE = (
    "names no deployment: give `deployment` (its number), `command` (the command's id), "
    "or all of `service`, `environment` and `version` (or `commit`)"
)
WRITE_A_TIME = "write a time with its zone, like 2026-11-22T12:00:00Z or 2026-11-22T13:00:00+01:00"
NO_ZONE = "Expected `datetime` with a timezone component"
BEFORE, AFTER = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
BAD_JSON = "not JSON: JSON is malformed"
BAD_WORD = "Invalid enum value"
MANY_DIGITS = "is a number of 5000 digits; at most 4300 are taken"
NUL = "has a NUL character, which cannot be stored"
HALF = "has half of a surrogate pair, which is no text"
DEEP = "nested more than 64 deep"


def test_a_fact_has_the_fields_of_its_message() -> None:
    fact = take(published())
    assert isinstance(fact, ArtifactPublished)
    assert (fact.id, fact.source, fact.time) == ("build-881", "jenkins/foo", datetime(2026, 11, 22, 11, tzinfo=UTC))
    assert (fact.artifact.module, fact.artifact.version) == ("com.example:foo", "1.2.3")


def test_a_fact_without_a_time_happened_when_it_arrived() -> None:
    assert take(finished()).time == ARRIVAL
    assert take(finished(time=None)).time == ARRIVAL


@pytest.mark.parametrize(
    "time", ["2026-11-22T11:30:00Z", "2026-11-22T12:30:00+01:00", "2026-11-22 06:00:00-05:30", "2026-11-22t11:30:00z"]
)
def test_times_of_every_zone_become_utc(time: str) -> None:
    for fact in (take(finished(time=time)), take(published(time=time))):
        assert fact.time == datetime(2026, 11, 22, 11, 30, tzinfo=UTC)
        assert fact.time.tzinfo is UTC


def test_a_hold_may_end_in_the_future_and_ends_in_utc() -> None:
    hold = {"type": "hold.placed", "id": "1", "source": "cli", "kind": "freeze", "by": "alice"}
    fact = take(json.dumps(hold | {"until": "2027-01-01T00:00:00+01:00"}).encode())
    assert isinstance(fact, HoldPlaced)
    assert fact.until == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert fact.until.tzinfo is UTC


def test_a_clock_slightly_ahead_is_accepted() -> None:
    body = finished(time="2026-11-22T12:05:00Z")
    assert take(body).time == datetime(2026, 11, 22, 12, 5, tzinfo=UTC)
    assert decode_arrived(body, arrived_at=ARRIVAL)[1] is None


@pytest.mark.parametrize("time", ["2026-11-22T12:05:00.000001Z", "2026-11-22T12:10:00Z", "2999-01-01T00:00:00+01:00"])
def test_a_time_further_ahead_is_that_of_the_arrival(time: str) -> None:
    assert take(finished(time=time)).time == ARRIVAL
    assert decode_arrived(finished(time=time), arrived_at=ARRIVAL)[1] == datetime.fromisoformat(time)
    assert time_ahead(finished(time=time), ARRIVAL) == datetime.fromisoformat(time) - ARRIVAL
    assert time_ahead(finished(time="2026-11-22T11:00:00Z"), ARRIVAL) == timedelta(0)
    assert time_ahead(finished(time=None), ARRIVAL) == timedelta(0)


def test_a_purl_is_written_in_its_canonical_form() -> None:
    artifact = PUBLISHED["artifact"] | {"purl": "pkg:Maven/g/n@1?checksum=sha256%3Aabc&type=jar"}
    assert take(published(artifact=artifact)).artifact.purl == "pkg:maven/g/n@1?checksum=sha256:abc&type=jar"


FIELDS = {
    "artifact.accepted": {"artifact": PUBLISHED["artifact"] | {"digest": "sha256:1"}, "reason": "it is scanned"},
    "hold.placed": {"kind": "freeze", "environment": "prod"},
    "hold.lifted": {"kind": "freeze", "environment": "prod"},
    "hotfix.declared": {"service": "foo", "version": "1", "reason": "fire"},
    "promotion.requested": {"service": "foo", "environment": "prod", "version": "1", "reason": "fire"},
    "retry.requested": {"service": "foo", "environment": "prod", "version": "1", "reason": "full disk"},
    "rollback.requested": {"service": "foo", "environment": "prod", "reason": "slow"},
    "approval.given": {"deployment": 1, "promotion": "go"},
    "approval.refused": {"deployment": 1, "promotion": "go"},
}


@pytest.mark.parametrize("what", [type_of(one) for one in fact_types() if issubclass(one, ORDERS)])
def test_an_unknown_field_of_an_order_is_refused_with_the_nearest_and_read_from_an_old_log(what: str) -> None:
    order = {"type": what, "id": "1", "source": "cli", "by": "ann"} | FIELDS[what]
    assert take(json.dumps(order).encode())
    body = json.dumps(order | {"promotoin": "x", "utnil": "2h"}).encode()
    with pytest.raises(MessageRejected, match=r"^\$\.promotoin: is no field of ") as refused:
        take(body)
    assert ("did you mean promotion?" in str(refused.value)) is ("promotion" in order)
    assert (OR_UPGRADE in str(refused.value)) is ("did you mean" not in str(refused.value))
    assert decode_logged(body, arrived_at=ARRIVAL).id == "1"


@pytest.mark.parametrize(
    ("by", "name"), [(" sue ", "sue"), ("ｓｕｅ", "sue"), ("sué", "sué"), ("Sue", "Sue"), ("sue  k", "sue  k")]
)
def test_a_person_has_one_spelling(by: str, name: str) -> None:
    body = {"type": "approval.given", "id": "1", "source": "cli", "deployment": 1, "promotion": "go", "by": by}
    fact = take(json.dumps(body).encode())
    assert isinstance(fact, ApprovalGiven)
    assert fact.by == name


@pytest.mark.parametrize(("by", "problem"), [("  ", "is blank"), ("su\u200be", "U+200B is not allowed")])
def test_a_name_that_is_blank_or_partly_invisible_is_refused(by: str, problem: str) -> None:
    body = {"type": "approval.given", "id": "1", "source": "cli", "deployment": 1, "promotion": "go", "by": by}
    with pytest.raises(MessageRejected, match=rf"^\$\.by: .*{re.escape(problem)}"):
        take(json.dumps(body).encode())


def test_a_hold_that_ends_before_it_begins_is_refused() -> None:
    times = {"from": "2026-11-23T12:00:00Z", "until": "2026-11-23T12:00:00Z"}
    body = json.dumps({"type": "hold.placed", "id": "1", "source": "cli", "by": "ann", "kind": "freeze"} | times)
    with pytest.raises(MessageRejected, match="`until` is not after `from`"):
        take(body.encode())


def test_unknown_fields_are_ignored_and_the_last_of_a_repeated_key_counts() -> None:
    assert take(beside(b'"pipeline": {"url": "http://ci/1", "steps": [1, 2.5, null]}')) == take(published())
    assert take(beside(b'"id": "build-882"')).id == "build-882"


def test_text_of_any_script_is_taken_escaped_or_not() -> None:
    assert take(published(id="日本 \U0001f680")).id == "日本 \U0001f680"
    assert take(beside('"id": "日本 🚀"'.encode())).id == "日本 🚀"


def test_as_deep_as_64_is_taken() -> None:
    take(beside(b'"x": ' + b"[" * 63 + b"]" * 63))


def named(**coordinates: str) -> bytes:
    """A good `artifact.published`, but for these fields of its artifact."""
    return published(artifact={"group": "g", "name": "n", "version": "1"} | coordinates)


BY_HAND = {
    "nothing": (b"", "$", "the message is empty"),
    "a list": (b"[]", "$", "Expected `object`, got `array`"),
    "null": (b"null", "$", "Expected `object`, got `null`"),
    "cut off": (published()[:-1], "$", "not JSON: Input data was truncated"),
    "two": (published() * 2, "$", None),
    "a byte order mark": (b"\xef\xbb\xbf" + published(), "$", f"{BAD_JSON}: invalid character (byte 0)"),
    "UTF-16": (published().decode().encode("utf-16-le"), "$", None),
    "Latin-1": ('{"type": "é"}'.encode("latin-1"), "$", "not UTF-8: byte 10 is 0xe9"),
    "Latin-1 in a field of theirs": (beside('"x": "é"'.encode("latin-1")), "$", None),
    "no type": (b'{"id": "1"}', "$.type", f"is missing; {KNOWN}"),
    "an unknown type": (
        published(type="artifact.lost"),
        "$.type",
        f"unknown type 'artifact.lost'{OR_UPGRADE}; {KNOWN}",
    ),
    "a number for a type": (published(type=1), "$.type", f"must be text; {KNOWN}"),
    "no id": (b'{"type": "deployment.started", "source": "s"}', "$.id", "is missing"),
    "no version": (published(artifact={"group": "g", "name": "n"}), "$.artifact.version", "is missing"),
    "an empty version": (named(version=""), "$.artifact.version", "Expected `str` of length >= 1"),
    "a number for an id": (published(id=5), "$.id", "Expected `str`, got `int`"),
    "too long an id": (published(id="x" * 256), "$.id", "Expected `str` of length <= 255"),
    "too long a group": (named(group="g" * 8193), "$.artifact.group", "Expected `str` of length <= 8192"),
    "no artifact": (published(artifact=None), "$.artifact", "Expected `object`, got `null`"),
    "no purl": (named(purl="nope"), "$.artifact.purl", None),
    "an unknown outcome": (finished(outcome="ok"), "$.outcome", f"{BAD_WORD} 'ok'; write one of succeeded, failed"),
    "no deployment": (b'{"type": "deployment.started", "id": "1", "source": "s", "service": "foo"}', "$", NAME_ONE),
    "deployment 0": (finished(deployment=0), "$.deployment", "Expected `int` >= 1"),
    "a yes for a number": (finished(deployment=True), "$.deployment", "Expected `int | null`, got `bool`"),
    "too great a number": (finished(deployment=2**63), "$.deployment", "Expected `int` <= 9223372036854775807"),
    "no zone": (published(time="2026-11-22T12:00:00"), "$.time", f"{NO_ZONE}; {WRITE_A_TIME}"),
    "a day": (published(time="2026-11-22"), "$.time", f"Invalid RFC3339 encoded datetime; {WRITE_A_TIME}"),
    "seconds for a time": (published(time=5), "$.time", f"Expected `datetime | null`, got `int`; {WRITE_A_TIME}"),
    "before all time": (published(time=BEFORE), "$.time", f"{BEFORE} is out of range"),
    "after all time": (published(time=AFTER), "$.time", f"{AFTER} is out of range"),
    "NaN": (beside(b'"x": {"y": NaN}'), "$.x.y", "NaN is no JSON: write null, or leave the field out"),
    "Infinity": (beside(b'"x": [1, -Infinity]'), "$.x[1]", "-Infinity is no JSON: write null, or leave the field out"),
    "1e400": (beside(b'"x": [1e400]'), "$.x[0]", "is a number out of range: beyond 1.8e308"),
    "-1e400": (beside(b'"x": -1e400'), "$.x", "is a number out of range: beyond 1.8e308"),
    "5,000 digits": (beside(b'"x": ' + b"9" * 5000), "$.x", MANY_DIGITS),
    "5,000 digits in a field of ours": (beside(b'"id": ' + b"9" * 5000), "$.id", MANY_DIGITS),
    "NUL": (published(id="a\0"), "$.id", NUL),
    "NUL in a field of theirs": (published(x=[{"y": "a\0"}]), "$.x[0].y", NUL),
    "NUL in a field's name": (published(x={"a\0": 1}), "$.x.a\ufffd", NUL),
    "half a pair": (beside(b'"x": "\\ud800"'), "$.x", HALF),
    "the other half": (beside(b'"x": ["a", "\\uDFFF b"]'), "$.x[1]", HALF),
    "half a pair in a field of ours": (published(id="\ud83d"), "$.id", HALF),
    "half a pair in a field's name": (beside(b'"x\\ud800": 1'), "$.x\ufffd", HALF),
    "65 deep": (beside(b'"x": ' + b"[" * 64 + b"]" * 64), "$.x" + "[0]" * 63, DEEP),
    "10,000 deep": (beside(b'"x": ' + b"[" * 10_000 + b"]" * 10_000), "$", DEEP),
    "10,000 objects deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "$", DEEP),
    "deep and cut off": (b'{"type": 1, "x":' + b"[" * 900, "$.type", None),
    "5 MB": (published(x="x" * 5_000_000), "$", "has 5000188 bytes; at most 1048576 are taken"),
}


@pytest.mark.parametrize(("body", "path", "reason"), BY_HAND.values(), ids=BY_HAND.keys())
def test_a_bad_message_is_rejected_with_its_field_and_the_remedy(body: bytes, path: str, reason: str | None) -> None:
    with pytest.raises(MessageRejected) as refused:
        take(body)
    assert refused.value.path == path
    assert reason is None or refused.value.reason == reason
    assert str(refused.value) == f"{path}: {refused.value.reason}"


def test_the_error_for_a_long_message_is_short() -> None:
    long = "x" * 100_000
    artifact = PUBLISHED["artifact"] | {"purl": "x" * 8000}
    for body in (
        published(type=long),
        finished(outcome=long),
        published(**{long: "\0"}),
        published(artifact=artifact),
    ):
        with pytest.raises(MessageRejected) as refused:
            take(body)
        assert len(str(refused.value)) < 1000


def test_the_largest_message_is_taken_and_one_byte_more_is_not() -> None:
    room = MAX_BODY_BYTES - len(published(x=""))
    take(published(x="x" * room))
    with pytest.raises(MessageRejected, match="has 1048577 bytes; at most 1048576 are taken"):
        take(published(x="x" * (room + 1)))


def test_a_command_is_refused_like_a_fact() -> None:
    good = json.loads(
        b'{"type": "deploy", "id": "c", "deployment": 1, "flow": 1, "service": "foo", "environment": "dev",'
        b'"artifact": {"group": "g", "name": "n", "version": "1"}, "manifest": [], "reason": "r", "attempt": 1,'
        b'"deadline": "2026-11-22T13:00:00Z"}'
    )
    assert decode_command(json.dumps(good).encode()).routing_key == "dev.foo.deploy"
    without = {name: value for name, value in good.items() if name != "deadline"}
    assert decode_command(json.dumps(without).encode()).deadline is None
    for field, value, path, reason in (
        ("type", "destroy", "$.type", "Invalid enum value 'destroy'; write one of deploy, rollback"),
        ("deadline", "2026-11-22T13:00:00", "$.deadline", None),
        ("manifest", [{"group": "g"}], "$.manifest[0].name", "is missing"),
    ):
        with pytest.raises(MessageRejected) as refused:
            decode_command(json.dumps(good | {field: value}).encode())
        assert refused.value.path == path
        assert reason is None or refused.value.reason == reason


def test_empty_fields_are_not_encoded() -> None:
    fact = DeploymentFinished(id="1", source="cd", deployment=42, outcome="failed", reason="disk full")
    assert json.loads(encode_fact(fact)) == {
        "type": "deployment.finished",
        "id": "1",
        "source": "cd",
        "deployment": 42,
        "outcome": "failed",
        "reason": "disk full",
    }
    assert take(encode_fact(fact)) == replace(fact, time=ARRIVAL)
