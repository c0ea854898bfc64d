"""The writes of the v1 interface with the workers behind them: each is answered once its effect can be read."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from deploydb.store.tables import approval, event
from tests.gateway.given import ALICE, JENKINS, Asked
from tests.gateway.v1 import ARTIFACT, V1, send, sent
from tests.gateway.working import working
from tests.workers.in_process import InProcess

FILES = {
    "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\npromotions: [jenkins-smoke]\n",
    "services/bare.yml": "artifacts: [com.example:bare]\npipelines: [short]\n",
    "pipelines/main.yml": "environments:\n  dev:\n    promotions: [go, load, soak]\n  prod:\n",
    "pipelines/short.yml": "environments:\n  dev:\n  prod:\n",
    "environments/dev.yml": "description: dev\n",
    "environments/prod.yml": "description: prod\n",
    "promotions/jenkins-smoke.yml": "type: JenkinsPromotion\n",
    "promotions/load.yml": "type: VerificationPromotion\njobs: [fast, slow]\n",
    "promotions/go.yml": "type: ManualPromotion\n",
    "promotions/soak.yml": "type: SoakPromotion\nduration: 1h\n",
}
BROKERS = [
    ("embedded_url", "sqlite_url"),
    pytest.param(("amqp_url", "postgresql_url"), marks=pytest.mark.servers),
]


@pytest.fixture(params=BROKERS, ids=str)
def workshop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InProcess]:
    urls = [request.getfixturevalue(name) for name in request.param]
    with InProcess(*urls, tmp_path) as made:
        yield made


@pytest.fixture
def asked(workshop: InProcess) -> Iterator[Asked]:
    with working(workshop, FILES) as made:
        yield made


def results(deployment: dict[str, Any]) -> dict[str, str]:
    """The status of each promotion result of a deployment."""
    return {result["promotion"]: result["status"] for result in deployment["promotions"]}


def test_the_plugin_of_jenkins_promotes_a_release(tmp_path: Path, workshop: InProcess) -> None:
    files = {**FILES, "pipelines/main.yml": "environments:\n  dev:\n  prod:\n"}
    with working(workshop, files) as asked:
        answer = send(asked, "POST", "/api/artifacts", ARTIFACT)
        assert answer.status_code == 201
        assert (answer.headers["location"], answer.headers["preference-applied"]) == ("/api/artifacts/1", "wait=20")
        artifact = answer.json()
        assert list(artifact) == ["id", "group", "name", "version", "sourceUrl", "createdAt"]
        assert {name: artifact[name] for name in ARTIFACT} == ARTIFACT

        (command,) = workshop.commands()
        assert (command.environment, command.artifact.url) == ("dev", ARTIFACT["sourceUrl"])
        started = sent(asked, "PATCH", "/api/deployments/1", {"status": "STARTED"}, 200)
        assert (started["status"], results(started)) == ("STARTED", {"jenkins-smoke": "NOT_STARTED"})
        completed = sent(asked, "PATCH", "/api/deployments/1", {"status": "COMPLETED"}, 200)
        assert (completed["status"], results(completed)) == ("COMPLETED", {"jenkins-smoke": "STARTED"})

        result = {"name": "jenkins-smoke", "status": "SUCCESS", "infoUrl": "http://jenkins/7"}
        answer = send(asked, "POST", "/api/deployments/1/promotions", result, accept=V1, content_type=V1)
        assert answer.status_code == 201
        assert answer.headers["content-type"] == V1
        assert answer.headers["location"] == f"/api/deployments/1/promotions/{answer.json()['id']}"
        assert list(answer.json()) == ["id", "promotion", "status", "infoUrl", "createdAt"]
        assert (answer.json()["status"], answer.json()["infoUrl"]) == ("SUCCESS", "http://jenkins/7")
        (command,) = workshop.commands()
        assert (command.environment, command.artifact.version) == ("prod", "1.0")

        done = sent(asked, "PATCH", "/api/deployments/2", {"status": "COMPLETED"}, 200)
        assert (done["status"], results(done)) == ("COMPLETED", {"jenkins-smoke": "STARTED"})
        failed = {"name": "jenkins-smoke", "status": "FAILURE"}
        body = sent(asked, "POST", "/api/deployments/2/promotions", failed, 201)
        assert (body["status"], body["infoUrl"]) == ("FAILED", None)
        rows = workshop.rows(sa.select(event.c.source).where(event.c.type.in_(["artifact.published"])))
        assert [row.source for row in rows] == ["v1@127.0.0.1"]
        assert workshop.dead() == []


def test_the_commands_of_the_page_work(tmp_path: Path, workshop: InProcess) -> None:
    page = (Path(__file__).parents[2] / "docs/v1.md").read_text(encoding="utf-8")
    lines = page.split("```")[1].replace("\\\n", " ").strip().splitlines()
    with working(workshop, {**FILES, "pipelines/main.yml": "environments:\n  dev:\n  prod:\n"}) as asked:
        for line in lines:
            command, _, method, url, _, header, _, body = shlex.split(line)
            assert (command, header) == ("curl", "Content-Type: application/json")
            assert send(asked, method, urlsplit(url).path, content=body.encode()).status_code in (200, 201)
        assert [command.environment for command in workshop.commands(2)] == ["dev", "prod"]


def test_a_deployment_without_promotions_has_succeeded_in_the_answer(asked: Asked) -> None:
    sent(asked, "POST", "/api/artifacts", {**ARTIFACT, "name": "bare", "version": 7}, 201)
    body = sent(asked, "PATCH", "/api/deployments/1", {"status": "COMPLETED"}, 200)
    assert (body["status"], body["artifact"]["version"]) == ("SUCCESS", "7")
    body = sent(asked, "PATCH", "/api/deployments/2", {"status": "FAILED"}, 200)
    assert body["status"] == "FAILED"


def test_the_same_artifact_is_there_once_and_another_file_is_a_conflict(asked: Asked, workshop: InProcess) -> None:
    first = sent(asked, "POST", "/api/artifacts", {**ARTIFACT, "digest": "sha256:aa"}, 201)
    for again in (ARTIFACT, {**ARTIFACT, "digest": "sha256:aa", "id": 7, "createdAt": "x"}):
        answer = send(asked, "POST", "/api/artifacts", again)
        assert (answer.status_code, answer.json(), answer.headers["location"]) == (201, first, "/api/artifacts/1")
    for other in ({**ARTIFACT, "sourceUrl": "http://other"}, {**ARTIFACT, "digest": "sha256:bb"}):
        assert "a version is one file" in sent(asked, "POST", "/api/artifacts", other, 409)["message"]
    assert len(workshop.rows(sa.select(event.c.id).where(event.c.type == "artifact.published"))) == 1


def test_a_status_that_is_no_word_is_shown_as_it_was_sent(asked: Asked) -> None:
    for given, shown in ((["FAILED"], '["FAILED"]'), ("", '""')):
        message = sent(asked, "PATCH", "/api/deployments/1", {"status": given}, 400)["message"]
        assert message.startswith(f"{shown} is no status")


def test_a_status_that_cannot_be_reached_is_refused(asked: Asked) -> None:
    sent(asked, "POST", "/api/artifacts", ARTIFACT, 201)
    never = ("NOT_STARTED", "CREATED", "SUCCESS", "VERIFIED", "SKIPPED")
    for word in ("FAILURE", "started", 5):
        assert "is no status" in sent(asked, "PATCH", "/api/deployments/1", {"status": word}, 400)["message"]
    for now, unreachable in (
        ("CREATED", never),
        ("STARTED", (*never, "STARTED")),
        ("COMPLETED", (*never, "STARTED", "COMPLETED", "FAILED")),
    ):
        if now != "CREATED":
            assert sent(asked, "PATCH", "/api/deployments/1", {"status": now}, 200)["status"] == now
        for status in unreachable:
            message = sent(asked, "PATCH", "/api/deployments/1", {"status": status}, 406)["message"]
            assert message == f"deployment 1 is {now}: {status} cannot be reached from there"
    assert "is NOT_STARTED" in sent(asked, "PATCH", "/api/deployments/2", {"status": "STARTED"}, 406)["message"]
    assert sent(asked, "PATCH", "/api/deployments/3", {"status": "STARTED"}, 404)["code"] == 404


def test_a_result_counts_for_a_promotion_that_awaits_one(asked: Asked) -> None:
    path = "/api/deployments/1/promotions"
    sent(asked, "POST", "/api/artifacts", ARTIFACT, 201)
    smoke = {"name": "jenkins-smoke", "status": "SUCCESS"}
    assert "is NOT_STARTED" in sent(asked, "POST", path, smoke, 406)["message"]
    sent(asked, "PATCH", "/api/deployments/1", {"status": "COMPLETED"}, 200)
    assert sent(asked, "POST", path, smoke, 201)["status"] == "SUCCESS"
    assert "is SUCCESS" in sent(asked, "POST", path, smoke, 406)["message"]
    for fields, code, message in (
        ({"name": "other", "status": "SUCCESS"}, 404, "has no promotion other; there is go, jenkins-smoke, load, soak"),
        ({"name": "soak", "status": "SUCCESS"}, 406, "is answered by DeployDB itself"),
        ({"name": "load", "status": "SUCCESS"}, 406, "is answered by fast and slow"),
        ({"name": "load"}, 406, "status is missing"),
        ({"name": "load", "status": "STARTED"}, 406, "STARTED is no result"),
    ):
        assert message in sent(asked, "POST", path, fields, code)["message"]
    assert sent(asked, "POST", path, {"name": "fast", "status": "SUCCESS"}, 201)["status"] == "STARTED"
    assert sent(asked, "POST", path, {"name": "slow", "status": "SUCCESS"}, 201)["status"] == "SUCCESS"


def test_people_answer_a_manual_promotion_by_their_token_alone(asked: Asked) -> None:
    sent(asked, "POST", "/api/artifacts", ARTIFACT, 201)
    sent(asked, "PATCH", "/api/deployments/1", {"status": "COMPLETED"}, 200)
    path, go = "/api/deployments/1/promotions", {"name": "go", "status": "SUCCESS"}
    assert "scope approve" in sent(asked, "POST", path, go, 401)["message"]
    answer = send(asked, "POST", path, go, authorization=f"Bearer {JENKINS}")
    assert (answer.status_code, answer.json()["message"]) == (403, "jenkins lacks the scope approve")
    page = {"infoUrl": "http://wiki/go"}
    answer = send(asked, "POST", path, {**go, **page}, authorization=f"Bearer {ALICE}")
    assert answer.status_code == 201, answer.text
    expected = {"promotion": "go", "status": "SUCCESS", **page}
    assert {name: answer.json()[name] for name in expected} == expected


def test_a_person_refuses_a_manual_promotion_by_failed(asked: Asked, workshop: InProcess) -> None:
    sent(asked, "POST", "/api/artifacts", ARTIFACT, 201)
    sent(asked, "PATCH", "/api/deployments/1", {"status": "COMPLETED"}, 200)
    path, go = "/api/deployments/1/promotions", {"name": "go", "status": "FAILED"}
    body = send(asked, "POST", path, go, authorization=f"Bearer {ALICE}").json()
    assert (body["status"], body["infoUrl"]) == ("FAILED", None)
    (word,) = workshop.rows(sa.select(approval.c.by, approval.c.given, approval.c.comment))
    assert tuple(word) == ("alice", False, "FAILED, sent as a result of v1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"services/new.yml": "artifacts: [com.example:new]\n"}, "which lacks a pipeline"),
        ({"services/new.yml": "artifacts: [com.example:new]\npipelines: [x]\n"}, "which lacks pipeline x"),
        (
            {
                "services/new.yml": "artifacts: [com.example:new]\npipelines: [x]\npromotions: [y]\n",
                "pipelines/x.yml": "environments:\n  dev:\n  qa:\n    promotions: [z, y]\n",
            },
            "which lacks promotion y, environment qa and promotion z",
        ),
    ],
)
def test_an_artifact_of_a_service_that_lacks_something_is_404_and_not_stored(
    workshop: InProcess, changes: dict[str, str], message: str
) -> None:
    with working(workshop, {**FILES, **changes}) as asked:
        answer = sent(asked, "POST", "/api/artifacts", {**ARTIFACT, "name": "new"}, 404)
        assert answer["message"] == f"com.example:new is of new, {message}: nothing is stored"
        assert sent(asked, "POST", "/api/artifacts", ARTIFACT, 201)["id"] == 1, "the other services go on"
    assert len(workshop.rows(sa.select(event.c.id).where(event.c.type == "artifact.published"))) == 1


def test_the_configuration_is_in_force_once_it_is_reloaded(asked: Asked, workshop: InProcess) -> None:
    baz = {**ARTIFACT, "name": "baz"}
    assert send(asked, "POST", "/api/artifacts", baz).status_code == 404
    added = workshop.config / "services/baz.yml"
    added.write_text("artifacts: [com.example:baz]\npipelines: [short]\n")
    answer = asked.ask("/tasks/configReload")
    assert (answer.status_code, answer.text) == (200, "Done!")
    assert send(asked, "POST", "/api/artifacts", baz).status_code == 201
    added.write_text("artifacts: [baz]\n")
    answer = asked.ask("/tasks/configReload")
    assert answer.status_code == 500
    assert "baz.yml:1:13: baz is no artifact" in answer.json()["message"]
