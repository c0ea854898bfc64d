"""`publish`: one fact, a file of them, and the reports on those that are wrong."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from deploydb.domain.model.facts import Fact, fact_types, type_of
from tests.cli.shell import Queue, Shell


def published(version: str, **fields: Any) -> dict[str, Any]:
    """`artifact.published` as CI says it."""
    artifact = {"group": "com.example", "name": "foo", "version": version}
    return {"type": "artifact.published", "id": f"build-{version}", "source": "ci", "artifact": artifact} | fields


def lines(*facts: Mapping[str, Any] | str) -> bytes:
    """A file with one of them a line."""
    return b"".join((fact if isinstance(fact, str) else json.dumps(fact)).encode() + b"\n" for fact in facts)


def test_a_step_of_a_trace_gives_the_event_its_place(shell: Shell, queue: Queue) -> None:
    place = {"TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "TRACESTATE": "ci=7"}
    shell.environment |= place
    shell.ok("publish", "artifact", "com.example:foo", "1.4.0")
    shell.environment["TRACEPARENT"] = "none"
    shell.ok("publish", "artifact", "com.example:foo", "1.4.1")
    first, second = queue.arrived()
    assert first.headers == {name.lower(): value for name, value in place.items()}
    assert second.headers == {}


def test_an_artifact_with_all_its_fields(shell: Shell, queue: Queue) -> None:
    ended = shell.ok(
        *(
            "publish",
            "artifact",
            "com.example:foo",
            "1.4.0",
            "--url",
            "https://repo.example.com/foo",
            "--commit",
            "9fceb02",
        ),
        *("--digest", "sha256:abc", "--purl", "pkg:maven/com.example/foo@1.4.0"),
        *("--id", "build-881", "--source", "jenkins/foo", "--time", "2026-11-22T12:00:00+01:00"),
    )
    assert (ended.stdout, ended.stderr.splitlines()[1:]) == ("", ["published artifact.published jenkins/foo/build-881"])
    (delivery,) = queue.arrived()
    assert delivery.routing_key == "artifact.published"
    assert delivery.message_id == "jenkins/foo/build-881"
    assert json.loads(delivery.body) == {
        "type": "artifact.published",
        "id": "build-881",
        "source": "jenkins/foo",
        "time": "2026-11-22T12:00:00+01:00",
        "artifact": {
            "group": "com.example",
            "name": "foo",
            "version": "1.4.0",
            "url": "https://repo.example.com/foo",
            "digest": "sha256:abc",
            "commit": "9fceb02",
            "purl": "pkg:maven/com.example/foo@1.4.0",
        },
    }


def test_what_is_typed_without_an_id_gets_one_of_its_own(shell: Shell, queue: Queue) -> None:
    for _ in range(2):
        shell.ok("publish", "artifact", "com.example:foo", "1.4.0")
    first, second = queue.bodies()
    assert first["id"] != second["id"]
    assert first["source"] == second["source"]
    assert first["source"].startswith("cli/")
    assert "time" not in first


def test_each_word_on_a_deployment(shell: Shell, queue: Queue) -> None:
    shell.ok("publish", "deployment", "started", "foo", "dev", "1.0", "--url", "https://ci/1")
    shell.ok("publish", "deployment", "succeeded", "foo", "dev", "1.0")
    shell.ok("publish", "deployment", "failed", "foo", "dev", "1.0", "--reason", "no disk")
    shell.ok("publish", "deployment", "observed", "foo", "dev", "1.0", "--module", "com.example:foo", "--by", "alice")
    started, succeeded, failed, observed = queue.bodies()
    assert (started["type"], started["url"]) == ("deployment.started", "https://ci/1")
    assert (succeeded["type"], succeeded["outcome"]) == ("deployment.finished", "succeeded")
    assert (failed["outcome"], failed["reason"]) == ("failed", "no disk")
    assert (observed["by"], observed["artifact"]["name"]) == ("alice", "foo")


def test_a_verification(shell: Shell, queue: Queue) -> None:
    shell.ok("publish", "verification", "foo", "dev", "1.0", "--promotion", "smoke", "--outcome", "errored")
    (body,) = queue.bodies()
    assert (body["type"], body["promotion"], body["outcome"]) == ("verification.finished", "smoke", "errored")


def test_a_time_that_is_none_or_has_no_zone_is_refused_before_anything_is_sent(shell: Shell, queue: Queue) -> None:
    for time in ("yesterday", "2026-11-22T12:00:00", "2026-11-22", ""):
        answer = shell.fails("publish", "artifact", "com.example:foo", "1.0", "--time", time, code=2)
        assert f"--time {time}: write a time with its zone" in answer
    answer = shell.fails("publish", "artifact", "com.example:foo", "1.0", "--time", "2999-01-01T00:00:00Z")
    assert answer.startswith("deploydb: $.time: 2999-01-01T00:00:00+00:00 is in the future")
    assert queue.arrived() == []


def test_a_fact_that_ingest_would_refuse_is_refused_here(shell: Shell, queue: Queue) -> None:
    assert shell.fails("publish", "artifact", "com.example:", "1.0").startswith("deploydb: $.artifact.name: ")
    assert shell.fails("publish", "artifact", "com.example:foo", "1.0", "--id", "").startswith("deploydb: $.id: ")
    assert queue.arrived() == []


def test_a_file_of_one_fact_a_line(shell: Shell, queue: Queue) -> None:
    (shell.folder / "facts.jsonl").write_bytes(lines(published("1.0"), "", published("1.1")))
    ended = shell.ok("publish", "--file", "facts.jsonl")
    assert (ended.stdout, ended.stderr.splitlines()[-1]) == ("", "2 published, 0 not")
    assert [body["artifact"]["version"] for body in queue.bodies()] == ["1.0", "1.1"]


def test_a_file_of_one_object_in_a_line_or_over_several(shell: Shell, queue: Queue) -> None:
    shell.ok("publish", "-f", "-", stdin=json.dumps(published("1.0")).encode())
    shell.ok("publish", "-f", "-", stdin=json.dumps(published("1.1"), indent=2).encode())
    assert [body["artifact"]["version"] for body in queue.bodies()] == ["1.0", "1.1"]


def test_wrong_lines_are_reported_by_file_line_and_field_and_the_others_are_sent(shell: Shell, queue: Queue) -> None:
    nameless = published("1.1", artifact={"group": "com.example", "version": "1.1"})
    nul = published("1.2", artifact={"group": "com.example", "name": "f\0o", "version": "1.2"})
    (shell.folder / "facts.jsonl").write_bytes(
        lines(published("1.0"), nameless, "{broken", nul, published("1.3", type="artifact.lost"), published("1.4"))
    )
    *wrong, unchecked, last = shell.fails("publish", "--file", "facts.jsonl").splitlines()
    assert unchecked.startswith("names of 2 facts were not checked: no answer from")
    assert [line.split(": ")[:2] for line in wrong] == [
        ["facts.jsonl:2", "$.artifact.name"],
        ["facts.jsonl:3", "$"],
        ["facts.jsonl:4", "$.artifact.name"],
        ["facts.jsonl:5", "$.type"],
    ]
    assert last == "2 published, 4 not"
    assert [body["artifact"]["version"] for body in queue.bodies()] == ["1.0", "1.4"]


def test_a_mistake_in_an_object_over_several_lines_is_reported_once(shell: Shell, queue: Queue) -> None:
    broken = json.dumps(published("1.0"), indent=2).replace(",", "", 1).encode()
    wrong, last = shell.fails("publish", "--file", "-", stdin=broken).splitlines()
    assert wrong.startswith("<stdin>:1: $: not JSON: ")
    assert last == "0 published, 1 not"


def test_a_first_line_that_only_opens_does_not_keep_the_others_back(shell: Shell, queue: Queue) -> None:
    answer = shell.fails("publish", "--file", "-", stdin=lines("{", published("1.0"), published("1.1")))
    assert answer.endswith("2 published, 1 not\n")
    assert len(queue.arrived()) == 2


def test_unchecked_sends_what_is_there(shell: Shell, queue: Queue) -> None:
    ended = shell.ok("publish", "--unchecked", "--file", "-", stdin=b'{"type": 1}\nnonsense\n')
    assert ended.stderr == "2 published, 0 not\n"
    assert [delivery.body for delivery in queue.arrived()] == [b'{"type": 1}', b"nonsense"]


def test_thousands_of_lines_arrive_in_their_order(shell: Shell, queue: Queue) -> None:
    ended = shell.ok("publish", "--file", "-", stdin=lines(*(published(f"1.{number}") for number in range(2500))))
    assert ended.stderr.endswith("2500 published, 0 not\n")
    versions = [body["artifact"]["version"] for _ in range(3) for body in queue.bodies()]
    assert versions == [f"1.{number}" for number in range(2500)]


def test_a_file_does_not_go_with_a_subcommand(shell: Shell, queue: Queue) -> None:
    answer = shell.fails("publish", "--file", "-", "artifact", "com.example:foo", "1.0", code=2)
    assert "--file goes without a subcommand" in answer
    assert queue.arrived() == []


@pytest.mark.parametrize("kind", fact_types(), ids=type_of)
def test_each_type_of_fact_has_a_command_with_an_example_that_works(
    shell: Shell, queue: Queue, kind: type[Fact]
) -> None:
    example = shell.ok("publish", type_of(kind), "--help").stdout.partition("Example:\n")[2].split("\n")[0].split()
    assert example[:3] == ["deploydb", "publish", type_of(kind)]
    shell.ok(*example[1:], "--id", "1", "--source", "ci", "--time", "2026-11-22T12:00:00+01:00")
    (body,) = queue.bodies()
    assert (body["type"], body["id"], body["source"]) == (type_of(kind), "1", "ci")
    options = dict(zip(example[3::2], example[4::2], strict=True))
    for option, value in options.items():
        found: Any = body
        for part in option.removeprefix("--").split("."):
            found = found[part]
        assert found == value


def test_a_fact_by_its_type_is_held_to_the_same_bounds(shell: Shell, queue: Queue) -> None:
    hold = ("publish", "hold.placed", "--by", "ann", "--kind")
    assert "a pause needs `service`" in shell.fails(*hold, "pause")
    assert "is not one of" in shell.fails(*hold, "brake", code=2)
    assert "$.until" in shell.fails(*hold, "freeze", "--until", "tomorrow")
    assert r"'\udcff' is not UTF-8" in shell.fails(*hold, "freeze", "--reason", b"\xff")
    assert queue.arrived() == []
    shell.ok(*hold, "freeze", "--until", "2199-01-01T01:00:00+01:00")
    hotfix_of_foo = ("publish", "hotfix.declared", "--service", "foo", "--version", "1", "--by", "ann", "--reason", "x")
    shell.ok(*hotfix_of_foo, "--skip", "a", "--skip", "b")
    shell.ok(*["publish", "deployment.started", "--deployment", "42"])
    freeze, hotfix, started = queue.bodies()
    assert freeze["until"] == "2199-01-01T00:00:00Z"
    assert "time" not in freeze
    assert hotfix["skip"] == ["a", "b"]
    assert started["deployment"] == 42
