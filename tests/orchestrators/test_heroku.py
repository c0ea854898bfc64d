"""Deployments by Heroku: build from the artifact's URL → release → its status."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from deploydb.orchestrators.tools.heroku import HerokuOrchestrator
from tests.orchestrators import running
from tests.orchestrators.heroku import APP, TOKEN, Heroku
from tests.orchestrators.server import serving
from tests.workers.in_process import InProcess, fact, until

VARIABLE = "DEPLOYDB_ORCHESTRATOR_HEROKU"
SOURCE = "https://repo.test/foo-1.0.tar.gz"


@pytest.fixture
def heroku(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heroku]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(HerokuOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(Heroku()) as tool:
        yield tool


def begun(workshop: InProcess, heroku: Heroku, **artifact: Any) -> None:
    described = f'type: heroku\nurl: {heroku.url}\napp: "{{service}}-{{environment}}"\ntoken_from: {VARIABLE}\n'
    running.configured(workshop, described)
    workshop.start("orchestrate")
    named = {"group": "com.example", "name": "foo", "version": "1.0", **artifact}
    workshop.publish(fact("artifact.published", "a", artifact=named))


def test_a_build_is_started_and_its_release_is_followed(workshop: InProcess, heroku: Heroku) -> None:
    begun(workshop, heroku, url=SOURCE, commit="9fceb02d")
    command = running.in_state(workshop, "started").command
    source = {"url": SOURCE, "version": "9fceb02d", "version_description": f"DeployDB {command}"}
    assert heroku.builds["build-1"]["source_blob"] == source
    page = "https://dashboard.heroku.com/apps/foo-dev/activity/builds/build-1"
    until(lambda: running.deployments(workshop)[0].started_url == page, "its page")
    release = heroku.release("build-1")
    until(lambda: heroku.count("GET", f"{APP}/releases/{release}"), "a look at the release")
    assert running.deployments(workshop)[0].outcome is None
    heroku.releases[release]["status"] = "succeeded"
    assert running.ended(workshop).outcome == "succeeded"


def test_a_release_that_fails_has_the_end_of_its_output(workshop: InProcess, heroku: Heroku) -> None:
    begun(workshop, heroku, url=SOURCE)
    running.in_state(workshop, "started")
    heroku.output = "Running migrations\nError: no such table\n"
    heroku.releases[heroku.release("build-1")]["status"] = "failed"
    assert running.ended(workshop).failure == "the release has failed\nRunning migrations\nError: no such table"


def test_a_build_that_fails_is_reported(workshop: InProcess, heroku: Heroku) -> None:
    begun(workshop, heroku, url=SOURCE)
    running.in_state(workshop, "started")
    heroku.builds["build-1"]["status"] = "failed"
    assert running.ended(workshop).failure == "the build has failed"


def test_a_lost_answer_is_searched(workshop: InProcess, heroku: Heroku) -> None:
    heroku.goes_wrong("POST", "/builds", 429, "lose")
    begun(workshop, heroku, url=SOURCE)
    running.in_state(workshop, "started")
    assert (heroku.count("POST", "/builds"), len(heroku.builds)) == (2, 1)


def test_an_artifact_without_a_url_is_not_built(
    workshop: InProcess, heroku: Heroku, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.run_step.MOST_REFUSALS", 1)
    begun(workshop, heroku)
    assert running.ended(workshop).failure.endswith("has no http or https address to build from: publish its url")
    assert heroku.builds == {}
