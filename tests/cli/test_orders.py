"""Hotfixes, rollbacks and promotions by the command line: what is asked for, what is refused."""

import json

from tests.cli.shell import REASON, Queue, Shell, published
from tests.web import web


def test_a_hotfix_names_stages_that_exist_and_a_version_that_exists(connected: Shell, queue: Queue) -> None:
    assert "mars is no stage of foo; there is dev, prod" in connected.fails(
        "hotfix", "foo", "1.1", "--skip", "mars", *REASON
    )
    assert "9.9" in connected.fails("hotfix", "foo", "9.9", *REASON)
    assert queue.arrived() == []
    assert connected.ok("hotfix", "foo", "1.1", "--skip", "dev", *REASON).stderr == "foo 1.1 goes ahead, past dev\n"
    assert published(queue) == {
        "type": "hotfix.declared",
        "service": "foo",
        "version": "1.1",
        "skip": ["dev"],
        "by": "ann",
        "reason": "a fair",
    }


def test_a_hotfix_is_declared_without_the_query_service_too(shell: Shell, queue: Queue) -> None:
    output = shell.ok("hotfix", "foo", "1.1", *REASON).stderr
    assert "could not be checked: no answer from" in output
    assert published(queue)["type"] == "hotfix.declared"


def test_a_rollback_is_asked_for_with_a_reason(shell: Shell, queue: Queue) -> None:
    assert "--reason" in shell.fails("rollback", "foo", "prod", code=2)
    shell.ok("rollback", "foo", "prod", "--to", "1.0", *REASON)
    assert published(queue) == {
        "type": "rollback.requested",
        "service": "foo",
        "environment": "prod",
        "version": "1.0",
        "by": "ann",
        "reason": "a fair",
    }


def test_where_nothing_can_be_put_back_nothing_is_asked_for(connected: Shell, queue: Queue) -> None:
    assert "9.9 has not succeeded in prod" in connected.fails("rollback", "foo", "prod", "--to", "9.9", *REASON)
    assert queue.arrived() == []


def test_a_version_that_has_had_its_turn_is_not_promoted(connected: Shell, queue: Queue) -> None:
    refused = connected.fails("promote", "foo", "dev", "1.0", "--yes", "--reason", "fire")
    assert "foo 1.0 has had its turn in dev (SUCCESS): `deploydb rollback foo dev --to 1.0`" in refused
    assert queue.arrived() == []


DRY_RUN = {
    "service": "foo",
    "environment": "prod",
    "from": {"version": "1.1", "deployment": 7, "since": "2026-11-22T12:00:00+00:00"},
    "to": {"version": "1.0", "deployment": 3, "since": "2026-11-21T12:00:00+00:00", "completed": True},
    "why": "1.0 succeeded there",
    "undoes": [{"version": "1.1", "commit": "abc123", "publishedAt": "2026-11-22T11:00:00+00:00"}],
    "dependents": [{"service": "bar", "environment": "prod", "promotion": "foo-is-there", "wants": ">=1.1"}],
    "holds": ["prod is frozen by ann"],
    "possible": True,
}


def test_a_dry_run_says_what_would_be_put_back_what_it_undoes_and_what_stands_against_it(
    shell: Shell, queue: Queue
) -> None:
    with web() as server:
        server.reply("/api/rollback/foo/prod", (200, json.dumps(DRY_RUN).encode()))
        answer = shell.ok("rollback", "foo", "prod", "--to", "1.0", "--dry-run", DEPLOYDB_URL=server.url).stdout
        assert server.paths() == ["/api/rollback/foo/prod?to=1.0"]
    lines = [line for line in answer.splitlines() if line]
    assert lines[0].startswith("foo in prod runs 1.1 (since 2026-11-22 12:00:00Z, ")
    assert lines[1:4] == [
        "would be put back: 1.0, deployed 2026-11-21 12:00:00Z, completed the pipeline",
        "why: 1.0 succeeded there",
        "against it: prod is frozen by ann",
    ]
    assert lines[5].split()[:2] == ["1.1", "abc123"]
    assert lines[7].split() == ["bar", "prod", "foo-is-there", ">=1.1"]
    assert queue.arrived() == []


def test_a_dry_run_of_what_is_not_possible_fails(shell: Shell) -> None:
    nothing = DRY_RUN | {"from": None, "to": None, "undoes": [], "dependents": [], "holds": [], "possible": False}
    with web() as server:
        server.reply("/api/rollback/foo/prod", (200, json.dumps(nothing | {"why": "nothing runs in prod"}).encode()))
        ended = shell.run("rollback", "foo", "prod", "--dry-run", DEPLOYDB_URL=server.url)
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        "foo in prod runs nothing",
        "nothing would be put back",
        "why: nothing runs in prod",
    ]
