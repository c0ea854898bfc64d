"""The modules of one commit go through the stages of their service together."""

from datetime import timedelta

import pytest

from deploydb.domain.gates.soak import SoakPromotion
from deploydb.domain.model.admission_reasons import NewerIsLive
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.reasons import AwaitingStages, BundleFailed, BundleWaits
from tests.domain.given import chain, foo
from tests.domain.scenario import Scenario, world

MODULES = tuple(f"com.example:{name}" for name in ("api", "jobs", "ui", "web"))
API, JOBS, UI, WEB = MODULES
SOAK = SoakPromotion(ident="soak", duration=timedelta(hours=2))
LINE = chain("dev", "staging", "prod", staging=("soak",))


def shop(**more: object) -> Scenario:
    """A service of four modules; staging soaks for two hours."""
    return world(*LINE, services=[foo(artifacts=MODULES, **more)])


def publish(it: Scenario, version: str, *modules: str, commit: str | None = None) -> None:
    for module in modules or MODULES:
        it.publish(version, module=module, commit=commit or f"c{version}", published=float(version))
    it.evaluate()


def deploy(it: Scenario, environment: str, version: str, *, times: int = 4) -> list[str]:
    """Finish the commands of a lane, one after the other. Returns their modules."""
    done = []
    for _ in range(times):
        active = [one for one in it.deployments.values() if one.active and one.environment == environment]
        if not active:
            break
        (known,) = active
        assert known.release.artifact.version == version
        done.append(known.release.artifact.module)
        it.finish(environment, version, module=known.release.artifact.module)
        it.evaluate(1)
    return done


def runs(it: Scenario, environment: str) -> list[str | None]:
    return [it.runs(environment, module) for module in MODULES]


def test_modules_of_one_commit_soak_once() -> None:
    it = shop()
    publish(it, "1")
    assert deploy(it, "dev", "1") == list(MODULES)
    assert deploy(it, "staging", "1") == list(MODULES)
    it.evaluate(125)
    assert deploy(it, "prod", "1") == list(MODULES)


def test_without_bundles_each_module_soaks_after_the_other() -> None:
    it = shop(bundle="none")
    publish(it, "1")
    assert deploy(it, "dev", "1") == list(MODULES)
    assert deploy(it, "staging", "1") == [API]


def test_modules_without_a_commit_or_of_different_ones_are_no_bundle() -> None:
    it = shop()
    for module in MODULES:
        publish(it, "1", module, commit=f"c-{module}")
    deploy(it, "dev", "1")
    assert deploy(it, "staging", "1") == [API]


def test_a_bundle_enters_a_stage_once_all_of_it_has_arrived() -> None:
    it = shop()
    publish(it, "1")
    deploy(it, "dev", "1", times=3)
    assert runs(it, "dev") == ["1", "1", "1", None]
    assert it.find("staging", "1", API).status is Status.NOT_STARTED
    awaited = AwaitingStages(environments=("dev",), all=True)
    assert it.find("staging", "1", API).status_reason == BundleWaits(module=WEB, version="1", reason=awaited)
    deploy(it, "dev", "1")
    assert deploy(it, "staging", "1") == list(MODULES)


def test_a_bundle_enters_once_each_of_it_has_passed_the_entry_gates() -> None:
    it = world(*chain("dev", "prod"), services=[foo(artifacts=(API, WEB))], entry={"prod": ("smoke",)})
    publish(it, "1", API, WEB)
    deploy(it, "dev", "1")
    it.verify("prod", "1", module=API)
    it.evaluate()
    reason = it.find("prod", "1", API).status_reason
    assert isinstance(reason, BundleWaits)
    assert reason.module == WEB
    it.verify("prod", "1", module=WEB)
    it.evaluate()
    assert deploy(it, "prod", "1") == [API, WEB]


def test_a_newer_module_does_not_come_between_the_parts_of_a_bundle() -> None:
    it = shop()
    publish(it, "1")
    deploy(it, "dev", "1", times=2)
    publish(it, "2", WEB)
    assert deploy(it, "dev", "1", times=2) == [UI, WEB]
    assert runs(it, "dev") == ["1"] * 4
    assert deploy(it, "dev", "2", times=1) == [WEB]


def test_what_failed_holds_its_bundle_back_and_the_next_one_goes_on() -> None:
    it = shop()
    publish(it, "1")
    deploy(it, "dev", "1", times=3)
    it.finish("dev", "1", "failed", module=WEB)
    it.evaluate(1)
    assert it.find("staging", "1", API).status is Status.NOT_STARTED
    publish(it, "2")
    deploy(it, "dev", "2")
    assert isinstance(it.find("staging", "1", API).status_reason, BundleFailed)
    deploy(it, "staging", "2")
    assert runs(it, "staging") == ["2"] * 4


def test_what_failed_is_rolled_back_with_its_bundle() -> None:
    it = world(*chain("dev", "prod"), services=[foo(artifacts=(API, WEB), failure_strategy="rollback")])
    for version in ("1", "2"):
        publish(it, version, API, WEB)
        deploy(it, "dev", version)
        deploy(it, "prod", version, times=2 if version == "1" else 1)
    it.finish("prod", "2", "failed", module=WEB)
    it.evaluate(1)
    assert put_back(it) == [("api", "1"), ("web", "1")]
    assert [it.runs("prod", module) for module in (API, WEB)] == ["1", "1"]


def test_what_has_nothing_to_go_back_to_takes_its_bundle_back() -> None:
    it = world(*chain("dev", "prod"), services=[foo(artifacts=(API, WEB), failure_strategy="rollback")])
    publish(it, "1", API)
    deploy(it, "dev", "1")
    deploy(it, "prod", "1")
    publish(it, "2", API, WEB)
    deploy(it, "dev", "2")
    deploy(it, "prod", "2", times=1)
    it.finish("prod", "2", "failed", module=WEB)
    it.evaluate(1)
    assert it.find("prod", "2", WEB).failure_response == "stop"
    assert put_back(it) == [("api", "1")]


@pytest.mark.parametrize(
    ("module", "version", "back"),
    [
        (None, None, [("api", "2"), ("web", "2")]),
        (None, "1", [("api", "1"), ("web", "1")]),
        (WEB, None, [("web", "2")]),
    ],
)
def test_a_person_rolls_a_bundle_back_or_one_module(
    module: str | None, version: str | None, back: list[tuple[str, str]]
) -> None:
    it = world(*chain("dev", "prod"), services=[foo(artifacts=(API, WEB))])
    for known in ("1", "2", "3"):
        publish(it, known, API, WEB)
        deploy(it, "dev", known)
        deploy(it, "prod", known)
    it.want_back("prod", version, module=module)
    it.evaluate(1)
    assert put_back(it) == back


def put_back(it: Scenario) -> list[tuple[str, str]]:
    """Finish the rollbacks that are commanded, one after the other. Returns what came back."""
    found = []
    while active := [one for one in it.deployments.values() if one.active]:
        (known,) = active
        assert known.kind == "rollback"
        found.append((known.release.artifact.name, known.release.artifact.version))
        it.finish_rollback(known)
        it.evaluate(1)
    return sorted(found)


def test_a_person_takes_a_module_out_of_its_bundle() -> None:
    it = world(*chain("dev", "prod"), services=[foo(artifacts=(API, WEB))])
    it.publish("1.1", module=API, commit="c")
    it.publish("1.2", module=WEB, commit="c")
    it.evaluate()
    it.finish("dev", "1.1", module=API)
    it.evaluate(1)
    assert it.find("prod", "1.1", API).status is Status.NOT_STARTED
    it.hotfix("1.1")
    it.finish("dev", "1.2", "failed", module=WEB)
    it.evaluate(1)
    assert it.find("prod", "1.1", API).status is Status.CREATED


def test_a_module_that_is_published_later_joins_its_bundle_at_once() -> None:
    it = shop()
    publish(it, "1", API)
    deploy(it, "dev", "1")
    deploy(it, "staging", "1")
    publish(it, "1", JOBS)
    assert deploy(it, "dev", "1") == [JOBS]
    assert deploy(it, "staging", "1") == [JOBS]


def expired() -> Scenario:
    """web 1 has expired in dev, and web 2 has followed: api 1 is skipped in prod."""
    it = world(*chain("dev", "prod"), services=[foo(artifacts=(API, WEB))])
    publish(it, "1", API, WEB)
    deploy(it, "dev", "1", times=1)
    it.evaluate(61)
    publish(it, "2", WEB)
    deploy(it, "dev", "2")
    assert isinstance(it.find("prod", "1", API).status_reason, BundleFailed)
    return it


def test_a_pin_makes_no_attempt_of_what_its_bundle_keeps_out() -> None:
    it = expired()
    it.hold("pin", environment="prod", version="1")
    it.evaluate(1)
    assert it.find("prod", "1", API).attempt == 1


def test_a_retry_takes_a_module_out_of_its_bundle() -> None:
    it = expired()
    it.retry("prod", "1", module=API)
    it.evaluate(1)
    deploy(it, "prod", "2", times=1)
    again = it.find("prod", "1", API)
    assert (again.attempt, again.status) == (2, Status.CREATED)


def test_a_commit_that_is_built_again_is_a_bundle_of_the_new_releases() -> None:
    it = world(*chain("dev", "prod"), services=[foo(artifacts=(API, WEB))])
    publish(it, "1", API, WEB, commit="c")
    deploy(it, "dev", "1", times=1)
    it.finish("dev", "1", "failed", module=WEB)
    it.evaluate(1)
    publish(it, "2", API, WEB, commit="c")
    deploy(it, "dev", "2")
    it.finish("prod", "1", module=API)
    it.evaluate(1)
    assert sorted(deploy(it, "prod", "2")) == [API, WEB]


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_module_that_is_built_again_keeps_no_one_waiting(outcome: str) -> None:
    it = world(*chain("dev", "prod", dev=("soak",)), services=[foo(artifacts=(API, WEB))])
    publish(it, "1", API, WEB)
    deploy(it, "dev", "1", times=2)
    it.evaluate(30)
    it.publish("2", module=API, commit="c1", published=2)
    it.evaluate()
    it.evaluate(100)
    assert deploy(it, "prod", "1", times=2) == [API, WEB]
    it.finish("dev", "2", outcome, module=API)
    it.evaluate(125)
    assert deploy(it, "prod", "2", times=1) == ([API] if outcome == "succeeded" else [])


def test_nothing_is_held_back_for_a_release_that_a_hotfix_goes_ahead_of() -> None:
    it = world(*chain("dev", "prod"), services=[foo(artifacts=(API, WEB))])
    publish(it, "1", API)
    deploy(it, "dev", "1")
    deploy(it, "prod", "1")
    it.hold("pause", environment="prod")
    publish(it, "1", WEB)
    deploy(it, "dev", "1")
    publish(it, "2", WEB)
    it.hotfix("2")
    deploy(it, "dev", "2")
    it.evaluate(1)
    it.hold("pause", environment="prod", lift=True)
    it.evaluate(1)
    assert it.find("prod", "2", WEB).status is Status.CREATED


def test_a_failed_part_that_was_replaced_keeps_its_bundle_waiting_no_longer() -> None:
    it = shop()
    publish(it, "1", WEB)
    it.finish("dev", "1", "failed", module=WEB)
    publish(it, "1", API)
    assert isinstance(it.find("dev", "1", API).status_reason, BundleWaits)
    it.publish("2", module=API, commit="api", published=2)
    it.publish("2", module=WEB, commit="web", published=2)
    it.evaluate()  # decided once: what is replaced in it is not known to the next evaluation
    deploy(it, "dev", "2")
    assert it.find("dev", "1", API).status is Status.SKIPPED


def test_a_part_that_something_newer_has_overtaken_is_over_before_the_rest_arrives() -> None:
    it = world(*chain("dev", "prod"), services=[foo(artifacts=(API, WEB))])
    publish(it, "1", API, WEB)
    deploy(it, "dev", "1", times=1)
    it.observe("prod", "2", module=API)
    it.evaluate()
    assert it.find("prod", "1", API).status_reason == NewerIsLive(environment="prod", version="2", higher=True)
    assert (deploy(it, "dev", "1", times=1), it.find("prod", "1", WEB).status) == ([WEB], Status.CREATED)
