"""Steps of the tests of failures, rollbacks and retries."""

from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import Reason, RetryRefused
from tests.domain.given import catalog, chain, foo
from tests.domain.scenario import Scenario

WORDS = Comment(by="alice", comment="the disk is empty")
"""The order of another attempt, as it is kept."""


def running(strategy: str = "stop", **service: object) -> Scenario:
    """1.0 and then 2.0 went through dev and prod, with success; a smoke test must pass in each."""
    it = Scenario(
        catalog(*chain("dev", "prod"), services=[foo(failure_strategy=strategy, promotions=("smoke",), **service)])
    )
    for number, version in enumerate(("1.0", "2.0")):
        it.publish(version, published=number)
        go(it, version, "dev", "prod")
    return it


def go(it: Scenario, version: str, *environments: str) -> None:
    it.evaluate(1)
    for environment in environments:
        it.deploy(environment, version)
        it.verify(environment, version)
        it.evaluate(1)


def fail_in_prod(it: Scenario, version: str = "3.0", reason: str = "no disk") -> None:
    it.publish(version, published=9)
    go(it, version, "dev")
    it.finish("prod", version, "failed", reason=reason)
    it.evaluate(1)


def back(it: Scenario) -> list[tuple[str, str, str]]:
    """The rollbacks that were commanded: where, to which version, and why."""
    return [
        (one.deployment.environment, one.deployment.release.artifact.version, one.reason)
        for one in it.commands
        if one.kind == "rollback"
    ]


def answer(it: Scenario) -> Reason:
    """What came of the last order."""
    return it.answers[-1].reason


def obstacle(it: Scenario) -> Reason:
    refused = answer(it)
    assert isinstance(refused, RetryRefused)
    return refused.obstacle
