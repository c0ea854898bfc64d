"""What a rollback would do, before anybody does it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.model.catalog import Service as Configured
from deploydb.domain.model.catalog import Stage
from tests.query.client import Service
from tests.scenario import NOON, Scenario, catalog

PATH = "/api/rollback/foo/prod"
KNOWN = catalog(
    Configured(ident="foo", artifacts=("com.example:foo",), pipelines=("main",)),
    Configured(ident="shop", artifacts=("com.example:shop",), pipelines=("main",), promotions=("foo",)),
    promotions=(DependsOnPromotion(ident="foo", service="foo", environment="prod", version=">=2"),),
)


@pytest.fixture
def service(database_url: str) -> Iterator[Service]:
    """1.0, 2.0 and 3.0 of foo went to prod, an hour after each other."""
    with Scenario(database_url, KNOWN) as world, Service(world) as service:
        for hours, version in enumerate(("1.0", "2.0", "3.0")):
            world.now = NOON + timedelta(hours=hours)
            world.publish(version, artifact={"commit": f"c{hours}"})
            world.evaluate()
            world.deploy()
            world.deploy()
        yield service


def test_it_names_the_last_version_that_succeeded_and_what_is_undone(service: Service) -> None:
    body = service.get(PATH)
    assert body["from"]["version"] == "3.0"
    assert (body["to"]["version"], body["to"]["completed"], body["possible"]) == ("2.0", True, True)
    assert body["to"]["since"] == "2026-11-22T13:00:00+00:00"
    assert body["why"] == "2.0 was the last that completed the pipeline, deployed 2026-11-22 13:00:00 UTC"
    assert body["undoes"] == [{"version": "3.0", "commit": "c2", "publishedAt": "2026-11-22T14:00:00+00:00"}]
    assert body["holds"] == []


def test_it_names_who_depends_on_the_lane_and_whose_gate_it_breaks(service: Service) -> None:
    (first, second) = service.get(f"{PATH}?to=1.0")["dependents"]
    assert first == {"service": "shop", "environment": "dev", "promotion": "foo", "wants": ">=2", "broken": True}
    assert second["environment"] == "prod"
    assert not service.get(PATH)["dependents"][0]["broken"]


def test_another_version_undoes_more(service: Service) -> None:
    body = service.get(f"{PATH}?to=1.0")
    assert body["to"]["version"] == "1.0"
    assert [one["version"] for one in body["undoes"]] == ["3.0", "2.0"]


def test_it_is_answered_where_flows_have_stages_to_come(service: Service) -> None:
    world = service.world
    world.publish("4.0")
    world.evaluate(minutes=1)
    stages = [Stage(environment=name) for name in ("dev", "prod", "eu")]
    world.catalog = catalog(*KNOWN.services.values(), stages=tuple(stages), promotions=(KNOWN.promotions["foo"],))
    assert service.get(PATH)["to"]["version"] == "2.0"
    assert service.get("/api/retry/foo/prod?version=3.0")["possible"] is True


def test_what_was_rolled_back_already_is_not_undone_again(service: Service) -> None:
    world = service.world
    world.now += timedelta(hours=1)
    world.tell("rollback.requested", service="foo", environment="prod", by="sue", reason="leaks")
    world.evaluate()
    world.deploy()
    world.evaluate()
    body = service.get(f"{PATH}?to=1.0")
    assert body["from"]["version"] == "2.0"
    assert [one["version"] for one in body["undoes"]] == ["2.0"]
    assert drift_of(service) == []


def drift_of(service: Service) -> list[str]:
    (lane,) = service.get("/api/status?service=foo&environment=prod")["lanes"]
    return [one["expected"] for one in lane["drift"]]


def test_a_version_that_never_succeeded_cannot_be_put_back(service: Service) -> None:
    body = service.get(f"{PATH}?to=9.9")
    assert (body["possible"], body["why"]) == (False, "9.9 has not succeeded in prod")


def test_a_vetoed_version_is_passed_over_and_holds_are_reported(service: Service) -> None:
    world = service.world
    world.tell("hold.placed", kind="veto", service="foo", version="2.0", by="alice", reason="leaks")
    world.tell("hold.placed", kind="freeze", environment="prod", by="bob", reason="holidays")
    body = service.get(PATH)
    assert body["to"]["version"] == "1.0"
    assert (body["holds"], body["waits"]) == (["prod is frozen by bob: holidays"], True)
    refused = service.get(f"{PATH}?to=2.0")
    assert (refused["to"], refused["possible"]) == (None, False)
    assert refused["why"] == "nothing to roll back to: 2.0 is vetoed by alice: leaks"


def test_a_pin_stands_against_it(service: Service) -> None:
    service.world.tell(
        "hold.placed", kind="pin", service="foo", environment="prod", version="3.0", by="alice", reason="audit"
    )
    body = service.get(PATH)
    assert (body["possible"], body["holds"]) == (False, ["pinned to 3.0 by alice: audit"])


def test_a_pin_of_the_version_that_comes_back_does_not_stand_against_it(service: Service) -> None:
    service.world.tell(
        "hold.placed", kind="pin", service="foo", environment="prod", version="2.0", by="alice", reason="audit"
    )
    body = service.get(PATH)
    assert (body["to"]["version"], body["holds"], body["waits"]) == ("2.0", [], False)


def test_it_does_what_it_announced(service: Service) -> None:
    statement = service.get(PATH)
    world = service.world
    world.tell("rollback.requested", service="foo", environment="prod", by="alice", reason="slow")
    world.evaluate()
    (command,) = world.commands()
    assert (command.type, command.artifact.version) == ("rollback", statement["to"]["version"])


def test_where_nothing_runs_nothing_is_rolled_back(service: Service) -> None:
    body = service.get("/api/rollback/shop/prod")
    assert (body["from"], body["possible"]) == (None, False)
    assert body["why"] == "nothing runs in prod that could be rolled back"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/api/rollback/fou/prod", "there is no service fou; did you mean foo?"),
        ("/api/rollback/foo/prd", "there is no environment prd; did you mean prod?"),
    ],
)
def test_what_does_not_exist_is_named(service: Service, path: str, message: str) -> None:
    assert service.refusal(path) == (404, message)
