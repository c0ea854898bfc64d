"""Holds, orders and what follows failures, through the whole house, by the command line."""

import json
from collections.abc import Iterator
from typing import Any

import pika
import pytest

from deploydb.broker.topology import NOTIFICATIONS
from tests.e2e.site import Site, service, site
from tests.servers import until

FILES = {
    "access.yml": "groups: {sre: [alice]}\noverride_freeze: [sre]\n",
    "environments/dev.yml": "description: first\n",
    "environments/staging.yml": "description: second\n",
    "environments/prod.yml": "description: last\n",
    "environments/slow.yml": "description: whose orchestrator may never answer\ndeadline: 2s\n",
    "pipelines/main.yml": "environments:\n  dev:\n  staging:\n  prod:\n",
    "pipelines/slow.yml": "environments:\n  slow:\n",
    **service("pinned", "main"),
    **service("vetoed", "main"),
    **service("frozen", "main"),
    **service("paused", "main"),
    **service("fixed", "main"),
    **service("undone", "main"),
    **service("stopping", "main"),
    **service("returning", "main", "failure_strategy: rollback\n"),
    **service("fully", "main", "failure_strategy: full_rollback\n"),
    **service("careless", "main", "failure_strategy: ignore\n"),
    **service("retrying", "main", "retry: {retries: 2, backoff: 5s}\n"),
    **service("late", "slow"),
}


@pytest.fixture(scope="module")
def here(shared_amqp_url: str, shared_postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(shared_amqp_url, shared_postgresql_url, tmp_path_factory.mktemp("holds") / "config", FILES) as made:
        yield made


class Notifications:
    """A queue that somebody has bound to the notifications."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(self._queue, NOTIFICATIONS, "#")
        self._taken: list[dict[str, Any]] = []

    def of(self, name: str) -> list[dict[str, Any]]:
        """What has come about a service."""
        while True:
            method, _, body = self._channel.basic_get(self._queue, auto_ack=True)
            if method is None:
                return [one for one in self._taken if one["service"] == name]
            self._taken.append({"key": method.routing_key} | json.loads(body))


@pytest.fixture(scope="module")
def notifications(here: Site) -> Iterator[Notifications]:
    with pika.BlockingConnection(pika.URLParameters(here.house.broker_url)) as connection:
        yield Notifications(connection.channel())


def test_a_pinned_version_stays_and_unpinned_it_goes_on_to_the_newest(here: Site) -> None:
    here.publish("pinned", "1.0")
    here.await_running("pinned", "prod", "1.0")
    assert "pinned is pinned to 1.0 in prod" in here.run("pin", "pinned", "prod", "--reason", "a fair", "--by", "ann")
    until(lambda: [one["kind"] for one in here.lane("pinned", "prod")["holds"]] == ["pin"], what="the pin to stand")
    here.publish("pinned", "1.1")
    here.await_why("pinned", "prod", "1.1", "1.1 is not in prod: at its door pinned to 1.0 by ann: a fair")
    here.publish("pinned", "1.2")
    here.await_why("pinned", "prod", "1.2", "pinned to 1.0 by ann: a fair; prod runs 1.0")
    answer = here.run("status", "--service", "pinned")
    assert "[pinned]" in answer
    assert "pinned in prod: pinned to 1.0 by ann: a fair" in answer
    here.run("unpin", "pinned", "prod")
    here.await_running("pinned", "prod", "1.2")
    assert [version for _, version, _ in here.commanded("pinned", "prod")] == ["1.0", "1.2"]


def test_a_vetoed_version_comes_neither_there_nor_downstream(here: Site) -> None:
    here.run(
        "veto", "vetoed", "1.0", "--environment", "staging", "--early", "--reason", "wait for legal", "--by", "ann"
    )
    until(lambda: bool(here.get("holds", query="?service=vetoed")["holds"]), what="the veto to stand")
    here.publish("vetoed", "1.0")
    here.await_running("vetoed", "dev", "1.0")
    answer = "1.0 is vetoed from staging on by ann: wait for legal"
    here.await_why("vetoed", "staging", "1.0", f"at its door {answer}")
    here.await_why("vetoed", "prod", "1.0", f"at the door of staging {answer}")
    assert "→ 1.0 (vetoed) NOT_STARTED" in here.run("status", "--service", "vetoed")
    here.run("unveto", "vetoed", "1.0", "--environment", "staging")
    here.await_running("vetoed", "prod", "1.0")
    statement = here.run("veto", "vetoed", "1.0", "--reason", "loses orders")
    assert "it runs in prod; what could be put back: deploydb rollback vetoed prod --dry-run" in statement


def test_a_freeze_is_passed_only_by_a_word_of_the_right_people_which_is_kept(here: Site) -> None:
    here.run("freeze", "prod", "--service", "frozen", "--reason", "year's end", "--by", "ann")
    until(lambda: bool(here.get("holds", query="?service=frozen")["holds"]), what="the freeze to stand")
    here.publish("frozen", "1.0")
    answer = "prod is frozen for frozen by ann: year's end"
    here.await_why("frozen", "prod", "1.0", f"at its door {answer}")
    assert "[frozen]" in here.run("status", "--service", "frozen")
    assert "--comment" in here.house.deploydb("approve", "frozen", "prod", "--promotion", "freeze").stderr
    by_bob = ("--promotion", "freeze", "--by", "bob", "--comment", "please")
    refused = here.house.deploydb("approve", "frozen", "prod", "1.0", *by_bob)
    assert (refused.returncode, "bob is not in sre and does not count" in refused.stderr) == (1, True)
    assert here.commanded("frozen", "prod") == []
    here.run("approve", "frozen", "prod", "--promotion", "freeze", "--by", "alice", "--comment", "checkout is down")
    here.await_running("frozen", "prod", "1.0")
    assert f"{answer}; overridden by alice: checkout is down" in here.why("frozen", "prod", "1.0")
    here.run("thaw", "prod", "--service", "frozen")
    here.publish("frozen", "1.1")
    here.await_running("frozen", "prod", "1.1")


def test_a_paused_service_is_not_promoted_until_it_is_resumed(here: Site) -> None:
    here.publish("paused", "1.0")
    here.await_running("paused", "prod", "1.0")
    here.run("pause", "paused", "prod", "--reason", "moving the database", "--by", "ann")
    until(lambda: bool(here.lane("paused", "prod")["holds"]), what="the pause to stand")
    here.publish("paused", "1.1")
    here.await_running("paused", "staging", "1.1")
    here.await_why("paused", "prod", "1.1", "at its door paused is paused in prod by ann: moving the database")
    here.run("resume", "paused", "prod")
    here.await_running("paused", "prod", "1.1")


def test_a_hold_ends_by_itself(here: Site) -> None:
    here.publish("stopping", "1.0")
    here.await_running("stopping", "prod", "1.0")
    here.run("pause", "stopping", "--reason", "a moment", "--by", "ann", "--until", "4s")
    until(lambda: bool(here.lane("stopping", "prod")["holds"]), what="the pause to stand")
    here.publish("stopping", "1.1")
    here.await_why("stopping", "prod", "1.1", "at the door of dev stopping is paused by ann: a moment (until ")
    here.await_running("stopping", "prod", "1.1")
    assert here.lane("stopping", "prod")["holds"] == []


def test_a_hotfix_goes_past_the_stages_that_are_named(here: Site) -> None:
    here.publish("fixed", "1.0")
    here.await_running("fixed", "prod", "1.0")
    here.run("pause", "fixed", "--reason", "a look", "--by", "ann")
    until(lambda: bool(here.lane("fixed", "prod")["holds"]), what="the pause to stand")
    here.publish("fixed", "1.1")
    here.await_why("fixed", "dev", "1.1", "fixed is paused by ann: a look")
    here.run("hotfix", "fixed", "1.1", "--skip", "staging", "--reason", "checkout is down", "--by", "ann")
    assert "mars is no stage of fixed; there is dev, prod, staging" in (
        here.house.deploydb("hotfix", "fixed", "1.1", "--skip", "mars", "--reason", "none").stderr
    )
    here.run("resume", "fixed")
    here.await_running("fixed", "prod", "1.1")
    assert [version for _, version, _ in here.commanded("fixed", "staging")] == ["1.0"]
    assert "a hotfix, by ann: checkout is down" in here.run(
        "events", "-o", "wide", "--service", "fixed", "--environment", "prod"
    )


def test_a_person_has_what_ran_before_put_back(here: Site) -> None:
    here.publish("undone", "1.0")
    here.await_running("undone", "prod", "1.0")
    here.publish("undone", "1.1")
    here.await_running("undone", "prod", "1.1")
    here.run("rollback", "undone", "prod", "--reason", "loses orders", "--by", "ann")
    here.await_running("undone", "prod", "1.0")
    assert here.commanded("undone", "prod")[-1] == ("rollback", "1.0", 1)
    assert "rollback from 1.1, by ann: loses orders; 1.0 succeeded there" in here.run(
        "history", "undone", "prod", "-o", "wide"
    )


def test_a_failure_is_rolled_back_and_reported(here: Site, notifications: Notifications) -> None:
    here.publish("returning", "1.0")
    here.await_running("returning", "prod", "1.0")
    here.publish("returning", "1.1-bad")
    until(lambda: len(here.commanded("returning", "dev")) == 3, what="the rollback in dev")
    here.await_running("returning", "dev", "1.0")
    assert here.commanded("returning", "dev")[1:] == [("deploy", "1.1-bad", 1), ("rollback", "1.0", 1)]
    here.await_why("returning", "dev", "1.1-bad", "out of memory")
    assert "rollback from 1.1-bad: out of memory; 1.0 succeeded there" in here.run(
        "history", "returning", "dev", "-o", "wide"
    )
    until(lambda: len(notifications.of("returning")) == 1, what="the notifications")
    (answer,) = notifications.of("returning")
    assert (answer["key"], answer["type"], answer["failure_response"]) == (
        "deployment.failed.dev.returning",
        "deployment.failed",
        "rollback",
    )
    assert answer["reason"] == "out of memory; rolled back to 1.0"
    assert answer["artifact"]["version"] == "1.1-bad"


def test_a_full_rollback_goes_to_the_last_version_that_completed_the_pipeline(
    here: Site, notifications: Notifications
) -> None:
    here.publish("fully", "1.0")
    here.await_running("fully", "prod", "1.0")
    here.run("pause", "fully", "prod", "--reason", "a look")
    until(lambda: bool(here.lane("fully", "prod")["holds"]), what="the pause to stand")
    here.publish("fully", "1.1")
    here.await_running("fully", "staging", "1.1")
    here.publish("fully", "1.2-bad")
    here.await_running("fully", "dev", "1.0")
    assert here.commanded("fully", "dev")[-2:] == [("deploy", "1.2-bad", 1), ("rollback", "1.0", 1)]
    until(
        lambda: [one["failure_response"] for one in notifications.of("fully")] == ["full_rollback"],
        what="the notifications",
    )


def test_a_failure_that_is_ignored_goes_on_and_is_reported(here: Site, notifications: Notifications) -> None:
    here.publish("careless", "1.0-bad")
    until(lambda: len(here.commanded("careless", "prod")) == 1, what="prod to be commanded")
    here.await_why("careless", "dev", "1.0-bad", "out of memory")
    until(lambda: len(notifications.of("careless")) == 3, what="the notifications")
    assert {one["reason"] for one in notifications.of("careless")} == {"out of memory; ignored, as configured"}


def test_a_failed_deployment_is_tried_again_after_a_pause(here: Site, notifications: Notifications) -> None:
    here.publish("retrying", "1.0-flaky")
    here.await_why("retrying", "dev", "1.0-flaky", "attempt 2 is made from ")
    assert "→ attempt 2 of 1.0-flaky NOT_STARTED" in here.run("status", "--service", "retrying")
    here.await_running("retrying", "dev", "1.0-flaky")
    first, second = here.get("history", "retrying", "dev")["deployments"][::-1]
    assert (first["status"], second["status"]) == ("FAILED", "SUCCESS")
    assert here.commanded("retrying", "dev") == [("deploy", "1.0-flaky", 1), ("deploy", "1.0-flaky", 2)]
    assert notifications.of("retrying") == []


def test_a_deployment_that_is_never_answered_fails_at_its_deadline_and_stops(
    here: Site, notifications: Notifications
) -> None:
    here.publish("late", "1.0-hang")
    here.await_why("late", "slow", "1.0-hang", "is commanded and not begun and counts as failed from ")
    here.await_why("late", "slow", "1.0-hang", "did not start by its deadline ")
    until(lambda: [one["failure_response"] for one in notifications.of("late")] == ["stop"], what="the notifications")
