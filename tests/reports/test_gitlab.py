"""Reports to GitLab: commit statuses, and deployments of environments."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.cluster import write_config
from tests.orchestrators.server import serving
from tests.reports.github import COMMIT
from tests.reports.gitlab import PROJECT, TOKEN, GitLab
from tests.reports.test_github import UNKNOWN, publish, require_dead_at_once
from tests.workers.in_process import CONFIG, InProcess, fact, until

VARIABLE = "DEPLOYDB_WEBHOOK_GITLAB"
DEV = "deploydb/dev"


@pytest.fixture
def gitlab(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLab]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    with serving(GitLab()) as host:
        yield host


def configured(workshop: InProcess, gitlab: GitLab) -> None:
    report = f"report: gitlab\nurl: {gitlab.url}\nrepository: acme/{{service}}\ntoken_from: {VARIABLE}\n"
    foo = "artifacts: [com.example:foo]\npipelines: [main]\nretry: {retries: 1, backoff: 1s}\n"
    write_config(workshop.config, CONFIG | {"webhook/gitlab.yml": report, "services/foo.yml": foo})
    workshop.settings = replace(workshop.settings, outgoing_allow="127.0.0.1", url="https://deploydb.test")
    workshop.provision()
    workshop.start("ingest", "promote", "relay", "notify")


def states(gitlab: GitLab, *wanted: str, deployments: list[str]) -> None:
    until(lambda: gitlab.statuses.get(DEV) == list(wanted), f"{DEV} is {wanted}")
    until(lambda: in_dev(gitlab) == deployments, f"deployments are {deployments}")


def in_dev(gitlab: GitLab) -> list[str]:
    found = list(gitlab.deployments.values())
    return [one["status"] for one in found if one["environment"]["name"] == "dev" and one["deployable"] is None]


def test_each_attempt_has_a_status_and_a_deployment(workshop: InProcess, gitlab: GitLab) -> None:
    gitlab.add("dev", "running", deployable={"id": 657})
    configured(workshop, gitlab)
    publish(workshop)
    (command,) = workshop.commands()
    states(gitlab, "pending", deployments=["running"])
    workshop.publish(fact("deployment.started", "s", command=command.id))
    states(gitlab, "pending", "running", deployments=["running"])
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="failed", reason="no disk"))
    states(gitlab, "pending", "running", "failed", "pending", deployments=["failed", "running"])
    (again,) = workshop.commands()
    workshop.publish(fact("deployment.started", "s2", command=again.id))
    workshop.publish(fact("deployment.finished", "f2", command=again.id, outcome="succeeded"))
    first = ("pending", "running", "failed")
    states(gitlab, *first, "pending", "running", "success", deployments=["failed", "success"])
    page = f"https://deploydb.test/flows/{command.flow}#deployment-{command.deployment}"
    assert gitlab.given[2] == {
        "state": "failed",
        "name": DEV,
        "target_url": page,
        "description": "foo 1.0 failed in dev: no disk",
    }
    assert gitlab.deployments[100]["status"] == "running"  # of a job of GitLab's own


def test_a_deployment_whose_creation_has_no_answer_is_not_created_again(workshop: InProcess, gitlab: GitLab) -> None:
    gitlab.goes_wrong("POST", f"{PROJECT}/deployments", "lose")
    gitlab.goes_wrong("POST", f"{PROJECT}/statuses/{COMMIT}", "lose")
    configured(workshop, gitlab)
    publish(workshop)
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="succeeded"))
    states(gitlab, "pending", "running", "success", deployments=["success"])
    assert [one["environment"]["name"] for one in gitlab.deployments.values()].count("dev") == 1


def test_a_commit_that_is_unknown_delays_no_other_of_its_service(workshop: InProcess, gitlab: GitLab) -> None:
    configured(workshop, gitlab)
    require_dead_at_once(workshop, "answered 404: 404 Commit Not Found")
    until(lambda: gitlab.statuses.get(DEV) == ["pending"], "the later report")


@pytest.mark.parametrize(("outcome", "state", "refusals"), [("succeeded", "success", 2), ("failed", "failed", 1)])
def test_a_commit_that_runs_again_after_another_one_has_a_new_deployment(
    workshop: InProcess, gitlab: GitLab, outcome: str, state: str, refusals: int
) -> None:
    gitlab.add("dev", "success")
    gitlab.add("dev", "success", sha=UNKNOWN)
    gitlab.goes_wrong("POST", f"{PROJECT}/statuses/{COMMIT}", *[422] * refusals)  # all but the last report
    configured(workshop, gitlab)
    publish(workshop)
    (command,) = workshop.commands()
    until(lambda: gitlab.count("POST", f"{PROJECT}/statuses/{COMMIT}") == 1, "the refusal")
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome=outcome))
    until(lambda: in_dev(gitlab)[:3] == ["success", "success", state], "a third one")
