"""`retry`: another attempt is a fact, checked first."""

import json

from tests.cli.shell import REASON, Queue, Shell, published
from tests.web import web

PLAN = {
    "service": "foo",
    "environment": "prod",
    "version": "1.1",
    "attempt": 2,
    "why": "attempt 2",
    "holds": ["prod is frozen by ann"],
    "possible": True,
}
FACT = {"type": "retry.requested", "service": "foo", "environment": "prod", "version": "1.1", "by": "ann"}


def test_an_attempt_is_requested_of_the_version_that_is_meant(shell: Shell, queue: Queue) -> None:
    assert "--reason" in shell.fails("retry", "foo", "prod", "1.1", code=2)
    with web() as server:
        server.reply("/api/retry/foo/prod", (200, json.dumps(PLAN).encode()))
        ended = shell.ok("retry", "foo", "prod", "--skip", "smoke", "--skip", "soak", *REASON, DEPLOYDB_URL=server.url)
        assert server.paths() == ["/api/names?person=ann", "/api/retry/foo/prod?skip=smoke%2Csoak"]
    assert published(queue) == FACT | {"reason": "a fair", "skip": ["smoke", "soak"]}
    assert ended.stderr.splitlines() == [
        "it waits: prod is frozen by ann",
        "attempt 2 of foo 1.1 in prod is requested; see `deploydb why foo prod 1.1`",
    ]


def test_what_cannot_be_attempted_again_is_not_requested(shell: Shell, queue: Queue) -> None:
    refused = PLAN | {"possible": False, "attempt": None, "why": "1.1 is not attempted again in prod: it runs"}
    with web() as server:
        server.reply("/api/retry/foo/prod", (200, json.dumps(refused).encode()), (200, json.dumps(refused).encode()))
        there = {"DEPLOYDB_URL": server.url}
        assert "nothing is attempted: 1.1 is not" in shell.fails("retry", "foo", "prod", "1.1", *REASON, **there)
        ended = shell.run("retry", "foo", "prod", "1.1", "--dry-run", **there)
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (1, refused["why"])
    assert queue.arrived() == []


def test_without_the_query_service_the_version_must_be_given(shell: Shell, queue: Queue) -> None:
    assert "VERSION" in shell.fails("retry", "foo", "prod", *REASON, code=2)
    assert queue.arrived() == []
    shell.ok("retry", "foo", "prod", "1.1", *REASON)
    assert published(queue)["version"] == "1.1"


def test_a_service_with_a_story_answers(seeded: Shell) -> None:
    assert "no deployment of it is known there" in seeded.fails("retry", "foo", "prod", "9.9", *REASON)
