"""Deployments by Argo CD: revision or images, sync → operation → health."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.orchestrators.tools.argocd import ArgoCDOrchestrator
from tests.orchestrators import running
from tests.orchestrators.argocd import APPLICATION, TOKEN, ArgoCD
from tests.orchestrators.server import serving
from tests.workers.in_process import InProcess, published, until

VARIABLE = "DEPLOYDB_ORCHESTRATOR_ARGOCD"
SYNC = f"{APPLICATION}/sync"


@pytest.fixture
def argocd(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArgoCD]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(ArgoCDOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(ArgoCD()) as tool:
        yield tool


def begun(workshop: InProcess, argocd: ArgoCD) -> None:
    described = f"type: argocd\nurl: {argocd.url}\napplication: '{{service}}-{{environment}}'\n"
    more = "revision: 'v{version}'\nimages: ['foo=registry.test/foo:{version}']\n"
    running.configured(workshop, f"{described}{more}token_from: {VARIABLE}\n")
    workshop.start("orchestrate")
    workshop.publish(published("1.0"))


def test_a_sync_is_followed_until_the_application_is_healthy(workshop: InProcess, argocd: ArgoCD) -> None:
    begun(workshop, argocd)
    running.in_state(workshop, "started")
    images = {"images": ["foo=registry.test/foo:1.0"]}
    assert argocd.source == {"targetRevision": "v1.0", "kustomize": images}
    page = f"{argocd.url}/applications/foo-dev"
    until(lambda: running.deployments(workshop)[0].started_url == page, "its page")
    argocd.end("Succeeded")
    looks = argocd.count("GET", APPLICATION)
    until(lambda: argocd.count("GET", APPLICATION) >= looks + 2, "a look at what progresses")
    assert running.deployments(workshop)[0].outcome is None
    argocd.health = {"status": "Healthy"}
    assert running.ended(workshop).outcome == "succeeded"


@pytest.mark.parametrize(
    ("ended", "failure"),
    [
        (("Failed", "one or more objects failed"), "the sync has ended with Failed: one or more objects failed"),
        (("Succeeded", ""), "the application is Degraded: no pod is ready"),
    ],
)
def test_a_sync_that_fails_and_a_degraded_application_have_failed(
    workshop: InProcess, argocd: ArgoCD, ended: tuple[str, str], failure: str
) -> None:
    begun(workshop, argocd)
    running.in_state(workshop, "started")
    argocd.end(*ended, health="Degraded", why="no pod is ready")
    assert running.ended(workshop).failure == failure


def test_a_lost_answer_is_searched(workshop: InProcess, argocd: ArgoCD) -> None:
    argocd.goes_wrong("POST", SYNC, "lose")
    begun(workshop, argocd)
    running.in_state(workshop, "started")
    assert argocd.count("POST", SYNC) == 1


def test_a_sync_of_others_is_waited_for(workshop: InProcess, argocd: ArgoCD, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.run_step.MOST_REFUSALS", 1)
    argocd.operation = {"sync": {}}
    begun(workshop, argocd)
    until(lambda: argocd.count("POST", SYNC) >= 2, "it is tried again")
    argocd.end("Succeeded")
    running.in_state(workshop, "started")
