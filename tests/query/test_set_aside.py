"""A service that is set aside, as it is shown: why, status, operations, readiness, doctor."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploydb.store.tables import hotfix
from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.query.client import Service
from tests.scenario import Scenario

SINCE = "foo is set aside since 2026-11-22 12:00:00 UTC, 1 attempt"


@pytest.fixture
def world(world: Scenario) -> Scenario:
    """Of foo, 1.0 is known, and what is stored of it cannot be read."""
    world.publish("1.0")
    world.evaluate()
    world.tell("hotfix.declared", service="foo", version="1.0", skip=[], by="alice", reason="urgent")
    with world.engine.begin() as connection:
        connection.execute(sa.update(hotfix).values(skip=5))
    world.evaluate()
    return world


def test_it_is_shown_with_its_error_until_it_is_evaluated_again(world: Scenario, service: Service) -> None:
    why = service.get("/api/why/foo/dev")
    assert SINCE in why["answer"]
    assert (why["setAside"]["attempts"], why["setAside"]["nextAt"]) == (1, "2026-11-22T12:00:01+00:00")
    assert why["setAside"]["error"].startswith("TypeError: ")
    assert why["releasing"] is None
    assert SINCE in service.ask("/why/foo/dev", accept="text/html").text
    for stage in service.get("/api/plan/foo?version=2.0")["stages"]:
        (obstacle,) = stage["obstacles"]
        assert obstacle.startswith(SINCE)
    for path in ("/api/status", "/api/operations"):
        (aside,) = service.get(path)["setAside"]
        assert aside["text"].startswith(SINCE)
    assert service.get("/readyz") == {"ready": True, "reasons": [], "warnings": [f"evaluation: {SINCE}"]}
    with world.engine.begin() as connection:
        connection.execute(sa.update(hotfix).values(skip=[]))
    world.evaluate(seconds=1)
    assert "setAside" not in service.get("/api/why/foo/dev")
    assert "setAside" not in service.get("/api/status")


def test_the_command_line_shows_it(world: Scenario, tmp_path: Path) -> None:
    with served(world) as url:
        shell = Shell(tmp_path, DEPLOYDB_URL=url)
        for words in (("why", "foo", "dev"), ("why", "foo", "dev", "9.9"), ("status",)):
            ended = shell.run(*words)
            assert SINCE in ended.stdout + ended.stderr, words
        findings = {one["check"]: one for one in json.loads(shell.run("doctor", "-o", "json").stdout)}
        assert findings["set aside"]["state"] == "fail"
        assert findings["set aside"]["seen"].startswith(SINCE)
