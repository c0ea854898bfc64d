"""Reports to GitHub: commit statuses, and deployments with statuses."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.webhook_attempts import OVERTAKEN
from deploydb.store import webhook_deliveries
from deploydb.store.clock import DatabaseClock
from deploydb.store.engine import open_engine
from deploydb.store.tables import webhook_delivery, webhook_endpoint
from deploydb.store.tables.webhooks import DELIVERY_IS_OPEN
from tests.cluster import write_config
from tests.octokit.openapi import require_valid
from tests.orchestrators.server import serving
from tests.reports.github import COMMIT, TOKEN, GitHub
from tests.workers.in_process import CONFIG, InProcess, fact, until

VARIABLE = "DEPLOYDB_WEBHOOK_GITHUB"
DEV = "deploydb/dev"
UNKNOWN = "f" * 40
WEB_AND_API = "artifacts: [com.example:web, com.example:api]\npipelines: [main]\nbundle: none\n"
OPEN = sa.select(webhook_delivery.c.id).where(DELIVERY_IS_OPEN)


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    with serving(GitHub()) as host:
        yield host


def configured(
    workshop: InProcess,
    github: GitHub,
    *others: str,
    repository: str = "acme/{service}",
    each: tuple[str, ...] = (),
    **files: str,
) -> None:
    """`each`: services with a file of their own."""
    report = f"report: github\nurl: {github.url}\nrepository: {repository}\ntoken_from: {VARIABLE}\n"
    named = {f"services/{name}.yml": text for name, text in files.items()}
    reports = {f"webhook/{name}.yml": f"{report}services: [{name}]\n" for name in each}
    write_config(workshop.config, CONFIG | (reports or {"webhook/github.yml": report}) | named)
    workshop.settings = replace(workshop.settings, outgoing_allow="127.0.0.1", url="https://deploydb.test")
    workshop.provision()
    workshop.start("ingest", "promote", "relay", *(others or ("notify",)))


def publish(workshop: InProcess, name: str = "foo", commit: str | None = COMMIT, version: str = "1.0") -> None:
    artifact = {"group": "com.example", "name": name, "version": version, "commit": commit}
    workshop.publish(fact("artifact.published", f"{name}-{version}", artifact=artifact))


def states(github: GitHub, *wanted: str, context: str = DEV) -> None:
    until(lambda: github.states(context) == list(wanted), f"{context} is {wanted}")


def test_each_stage_of_a_commit_has_a_status_and_a_deployment(workshop: InProcess, github: GitHub) -> None:
    configured(workshop, github)
    publish(workshop, commit=COMMIT.upper())
    (command,) = workshop.commands()
    states(github, "pending")
    workshop.publish(fact("deployment.started", "s", command=command.id))
    states(github, "pending", "pending")
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="succeeded"))
    states(github, "pending", "pending", "pending", "success")
    workshop.commands()
    states(github, "pending", context="deploydb/prod")
    until(lambda: len(github.deployments) == 2 and github.deployment_states(101), "that of prod")
    assert github.deployment_states(100) == ["queued", "in_progress", "in_progress", "success"]
    assert github.deployment_states(101) == ["queued"]
    assert [github.deployments[ident]["environment"] for ident in (100, 101)] == ["dev", "prod"]
    status, deployment = github.statuses[0], github.deployments[100]
    page = f"https://deploydb.test/flows/{command.flow}#deployment-{command.deployment}"
    assert (status["target_url"], deployment["statuses"][0]["log_url"]) == (page, page)
    assert status["description"] == f"foo 1.0 is being deployed to dev: {command.reason}"[:140]
    require_valid(github.asked)


def test_a_failure_is_reported_and_the_next_attempt_is_a_deployment_of_its_own(
    workshop: InProcess, github: GitHub
) -> None:
    foo = "artifacts: [com.example:foo]\npipelines: [main]\nretry: {retries: 1, backoff: 1s}\n"
    configured(workshop, github, foo=foo)
    publish(workshop)
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="failed", reason="no\ndisk " * 50))
    (again,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "f2", command=again.id, outcome="succeeded"))
    states(github, "pending", "failure", "pending", "pending", "success")
    second = ["queued", "in_progress", "success"]
    until(lambda: github.deployment_states(101) == second, "that of the second attempt")
    assert github.deployment_states(100) == ["queued", "failure"]
    require_valid(github.asked)


def test_a_deployment_whose_creation_has_no_answer_is_found_and_not_created_again(
    workshop: InProcess, github: GitHub
) -> None:
    github.goes_wrong("POST", "/deployments", "lose")
    configured(workshop, github)
    publish(workshop)
    until(lambda: github.deployments and github.deployment_states(100) == ["queued"], "the report")
    assert (list(github.deployments), github.count("POST", "/deployments")) == ([100], 2)


def test_a_killed_worker_has_created_the_deployment_once(workshop: InProcess, github: GitHub) -> None:
    github.goes_wrong("POST", "/deployments", "hang")
    configured(workshop, github, "relay")
    environment = {
        "DEPLOYDB_DATABASE_URL": workshop.settings.database_url,
        "DEPLOYDB_BROKER_URL": workshop.settings.broker_url,
        "DEPLOYDB_CONFIG": str(workshop.config),
        "DEPLOYDB_OUTGOING_ALLOW": "127.0.0.1",
        "DEPLOYDB_URL": "https://deploydb.test",
    }
    command = [sys.executable, "-m", "workers", "notify", "--no-port"]
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL) as process:
        try:
            publish(workshop)
            until(lambda: github.deployments, "the deployment")
        finally:
            process.kill()
    github.released.set()
    engine = open_engine(workshop.settings.database_url, name="tests")
    with engine.begin() as connection:  # as if the lease were over
        first = sa.select(webhook_delivery.c.created_at).limit(1).scalar_subquery()
        connection.execute(sa.update(webhook_endpoint).values(due_at=first))
    engine.dispose()
    workshop.start("notify")
    until(lambda: github.deployment_states(100) == ["queued"], "the report")
    assert list(github.deployments) == [100]


def test_what_one_repository_refuses_delays_no_other(workshop: InProcess, github: GitHub) -> None:
    configured(workshop, github, bar="artifacts: [com.example:bar]\npipelines: [main]\n")
    publish(workshop, "bar")
    publish(workshop)
    states(github, "pending")
    problem = sa.select(webhook_endpoint.c.problem).where(webhook_endpoint.c.endpoint == "webhook/github/bar")
    found = until(lambda: workshop.rows(problem)[0].problem, "the problem")
    assert found == f"POST {github.url}/repos/acme/bar/statuses/{COMMIT} answered 404: Not Found"
    assert workshop.rows(sa.select(webhook_delivery.c.status).where(webhook_delivery.c.service == "bar"))[0][0] == 404


def require_dead_at_once(workshop: InProcess, problem: str) -> None:
    """A report of a commit that the code host refuses delays no later one of its service."""
    publish(workshop, commit=UNKNOWN)
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="failed"))
    publish(workshop, version="1.1")
    found = sa.select(webhook_delivery).where(webhook_delivery.c.dead_at.is_not(None))
    dead = until(lambda: rows if len(rows := workshop.rows(found)) >= 2 else None, "both are dead")
    assert {(one.attempts, problem in one.problem) for one in dead} == {(1, True)}
    endpoint = workshop.rows(sa.select(webhook_endpoint.c.failures, webhook_endpoint.c.problem))
    assert [tuple(one) for one in endpoint] == [(0, None)]


def test_a_commit_that_is_refused_delays_no_other_of_its_service(workshop: InProcess, github: GitHub) -> None:
    configured(workshop, github)
    require_dead_at_once(workshop, f"answered 422: No commit found for SHA: {UNKNOWN}")
    states(github, "pending")


@pytest.mark.parametrize("each", [(), ("foo", "bar")])
def test_services_of_one_repository_have_their_own_statuses(
    workshop: InProcess, github: GitHub, each: tuple[str, ...]
) -> None:
    bar = "artifacts: [com.example:bar]\npipelines: [main]\n"
    configured(workshop, github, repository="acme/foo", each=each, bar=bar)
    publish(workshop, "bar")
    publish(workshop)
    for service in ("foo", "bar"):
        states(github, "pending", context=f"deploydb/{service}/dev")
    until(lambda: len(github.deployments) == 2, "both deployments")
    assert {one["environment"] for one in github.deployments.values()} == {"foo/dev", "bar/dev"}


def test_modules_of_one_commit_have_their_own_statuses(workshop: InProcess, github: GitHub) -> None:
    configured(workshop, github, foo=WEB_AND_API)
    publish(workshop, "web")
    publish(workshop, "api")
    for outcome in ("failed", "succeeded"):
        (command,) = workshop.commands()
        workshop.publish(fact("deployment.finished", f"f{command.id}", command=command.id, outcome=outcome))

    def ends() -> list[str]:
        return sorted(state for name in ("web", "api") for state in github.states(f"deploydb/{name}/dev")[-1:])

    until(lambda: ends() == ["failure", "success"], "a status for each")
    assert github.states(DEV) == []


@pytest.mark.parametrize("commit", [None, "Release-1.0", COMMIT[:7], COMMIT + "0"])
def test_a_release_without_a_whole_commit_is_counted_and_not_reported(
    workshop: InProcess, github: GitHub, commit: str | None
) -> None:
    configured(workshop, github, "relay")
    (notify,) = workshop.start("notify")
    publish(workshop, commit=commit)
    until(lambda: notify.metric("deploydb_notify_unreported_total") == 1, "it is counted")
    assert (github.asked, workshop.rows(sa.select(webhook_delivery.c.id))) == ([], [])


def test_a_limit_of_requests_is_waited_out(workshop: InProcess, github: GitHub) -> None:
    github.retry_after = "1"
    github.goes_wrong("POST", "/statuses/", 429, 503)
    configured(workshop, github)
    publish(workshop)
    states(github, "pending")
    assert github.count("POST", f"/statuses/{COMMIT}") == 3


def replayed(workshop: InProcess, ident: int | None = None) -> None:
    engine = open_engine(workshop.settings.database_url, name="tests")
    assert webhook_deliveries.replay(engine, DatabaseClock(engine)(), ident) == 1
    engine.dispose()


def test_an_earlier_report_that_is_replayed_does_not_overwrite_a_later_one(workshop: InProcess, github: GitHub) -> None:
    configured(workshop, github)
    publish(workshop)
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.started", "s", command=command.id))
    delivered = sa.select(webhook_delivery.c.id).where(webhook_delivery.c.delivered_at.is_not(None))
    first, _ = until(lambda: rows if len(rows := workshop.rows(delivered)) == 2 else None, "both reports")
    asked = len(github.asked)
    replayed(workshop, first.id)
    until(lambda: len(workshop.rows(delivered)) == 2, "it is settled")
    assert len(github.asked) == asked
    first_problem = sa.select(webhook_delivery.c.problem).where(webhook_delivery.c.id == first.id)
    assert workshop.rows(first_problem)[0].problem == OVERTAKEN
    body = workshop.rows(sa.select(webhook_delivery.c.body).order_by(webhook_delivery.c.id))[0].body
    assert json.loads(body)["state"] == "queued"
    assert TOKEN not in body


def test_the_failure_of_an_attempt_does_not_overwrite_the_success_of_the_next(
    workshop: InProcess, github: GitHub
) -> None:
    foo = "artifacts: [com.example:foo]\npipelines: [main]\nretry: {retries: 1, backoff: 1s}\n"
    configured(workshop, github, foo=foo)
    publish(workshop)
    (command,) = workshop.commands()
    states(github, "pending")
    github.goes_wrong("POST", f"/statuses/{COMMIT}", 422)
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="failed"))
    (again,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "f2", command=again.id, outcome="succeeded"))
    settled = until(lambda: "success" in github.states(DEV) and github.states(DEV), "the success")
    replayed(workshop)
    until(lambda: not workshop.rows(OPEN), "it is settled")
    assert github.states(DEV)[: len(settled)] == settled
    assert "failure" not in github.states(DEV)
