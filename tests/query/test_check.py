"""`/api/check`: whether a person's word or order would count; and the page, which offers it to those who count."""

from datetime import timedelta
from urllib.request import Request, urlopen

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.catalog import Service as ConfiguredService
from deploydb.domain.model.catalog import Stage
from tests.pages.given import served
from tests.query.client import Service
from tests.scenario import Scenario, catalog


def guarded(world: Scenario, timeout: timedelta | None = None) -> None:
    """foo 1.0 waits for sre in dev."""
    world.catalog = catalog(
        ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",)),
        stages=(Stage(environment="dev", promotions=("go",)),),
        promotions=(ManualPromotion(ident="go", groups=("sre",), timeout=timeout),),
        groups={"sre": frozenset({"carol"})},
    )
    world.publish("1.0")
    world.evaluate()
    world.deploy()


def test_a_word_is_checked_with_who_would_count(world: Scenario, service: Service) -> None:
    guarded(world)
    path = "/api/check/foo/dev?order=approve&version=1.0&promotion=go&by="
    assert service.get(f"{path}carol")["counts"] is True
    answer = service.get(f"{path}dave")
    assert (answer["counts"], answer["why"]) == (False, "dave is not in sre and does not count; carol would count")
    assert service.refusal("/api/check/foo/dev?order=approve&version=9.9")[0] == 404


def test_a_word_that_reopens_an_expired_request_counts(world: Scenario, service: Service) -> None:
    guarded(world, timeout=timedelta(hours=1))
    world.evaluate(hours=2)
    assert world.statuses("1.0") == {"dev": "FAILED"}
    assert service.get("/api/check/foo/dev?order=approve&version=1.0&promotion=go&by=carol")["counts"] is True
    world.tell("approval.given", service="foo", environment="dev", version="1.0", promotion="go", by="carol")
    world.evaluate()
    assert world.statuses("1.0") == {"dev": "SUCCESS"}


def test_an_order_is_tried(world: Scenario, service: Service) -> None:
    guarded(world)
    answer = service.get("/api/check/foo/dev?order=promote&version=1.0")
    assert answer["counts"] is False
    assert answer["why"].startswith("1.0 is COMPLETED in dev: ")
    assert world.commands() == []


def test_an_order_that_there_is_not_is_refused(world: Scenario, service: Service) -> None:
    guarded(world)
    answer = (400, "order=nosuch is not known; there is approve, hotfix, promote, refuse")
    assert service.refusal("/api/check/foo/dev?order=nosuch&version=1.0") == answer


def test_a_hotfix_that_nothing_is_left_for_does_not_count(world: Scenario, service: Service) -> None:
    world.catalog = catalog(ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",)))
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "CREATED"}
    answer = service.get("/api/check/foo/prod?order=hotfix&version=1.0")
    assert answer["counts"] is False
    assert answer["why"].startswith("1.0 is CREATED in prod: ")


def test_the_page_offers_an_approval_to_those_who_count_and_names_them(world: Scenario) -> None:
    guarded(world)
    with served(world) as address:
        pages = {
            person: urlopen(Request(f"{address}/why/foo/dev", headers={"Person": person})).read().decode()
            for person in ("carol", "dave")
        }
    assert "carol may approve." in pages["dave"]
    assert ("Approve<" in pages["carol"], "Approve<" in pages["dave"]) == (True, False)


def test_a_word_names_the_module_where_several_have_the_version(world: Scenario, service: Service) -> None:
    modules = ("com.example:foo", "com.example:web")
    world.catalog = catalog(
        ConfiguredService(ident="foo", artifacts=modules, pipelines=("main",)),
        stages=(Stage(environment="dev", promotions=("go",)),),
        promotions=(ManualPromotion(ident="go"),),
    )
    world.publish("1.0", artifact={"digest": "sha256:f"})
    world.publish("1.0", name="web", artifact={"digest": "sha256:w"})
    world.evaluate()
    path = "/api/check/foo/dev?order=approve&version=1.0&promotion=go&by=carol"
    answer = service.get(path)
    named = "com.example:foo and com.example:web have 1.0 in dev: name one of them as `artifact` (--artifact)"
    assert (answer["counts"], answer["why"], answer["digest"]) == (False, named, None)
    for module, digest in zip(modules, ("sha256:f", "sha256:w"), strict=True):
        answer = service.get(f"{path}&artifact={module}")
        assert (answer["counts"], answer["digest"]) == (True, digest)
        assert service.get(f"{path}&digest={digest}")["counts"] is True
        assert service.get(f"/api/why/foo/dev?version=1.0&artifact={module}")["digest"] == digest
        then = f"/api/why/foo/dev?version=1.0&artifact={module}&at={world.now.isoformat().replace('+', '%2B')}"
        assert service.get(then)["digest"] == digest
        assert service.get(f"/api/why/foo/dev?artifact={module}")["digest"] == digest
    gone = (404, "foo has no artifact com.example:wbe; did you mean com.example:web?")
    assert service.refusal(f"{path}&artifact=com.example:wbe") == gone
    assert service.refusal("/api/why/foo/dev?artifact=com.example:wbe") == gone
    assert service.refusal("/api/why/foo/dev?version=1.0&artifact=com.example:wbe") == gone


def test_an_open_module_is_meant_where_the_others_are_through(world: Scenario, service: Service) -> None:
    world.catalog = catalog(
        ConfiguredService(ident="foo", artifacts=("com.example:foo", "com.example:web"), pipelines=("main",)),
        stages=(Stage(environment="dev", promotions=("go",)),),
        promotions=(ManualPromotion(ident="go"),),
    )
    for name in ("foo", "web"):
        world.publish("1.0", name=name, artifact={"digest": f"sha256:{name}"})
    world.evaluate()
    world.deploy()
    lane = {"service": "foo", "environment": "dev", "version": "1.0"}
    world.tell("approval.given", **lane, artifact="com.example:foo", promotion="go", by="carol")
    world.evaluate(minutes=1)
    answer = service.get("/api/check/foo/dev?order=approve&version=1.0&promotion=go&by=carol")
    assert (answer["counts"], answer["digest"]) == (True, "sha256:web")
