"""Writes of v1 that are on their way together: each passes its checks before the effect of another can be read."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from httpx2 import Response

from deploydb.domain.model.catalog import Service, Stage
from deploydb.gateway.v1_access import Writers
from tests.gateway.given import Gateway, gateway
from tests.gateway.v1 import send
from tests.scenario import Scenario, catalog
from tests.servers import until

STATUS, RESULTS = "/api/deployments/1", "/api/deployments/1/promotions"


@pytest.fixture
def asked(sqlite_url: str, embedded_url: str) -> Iterator[Gateway]:
    """The command for foo 1.0 in dev is out; smoke is asked once it is deployed."""
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    known = catalog(foo, stages=(Stage(environment="dev", promotions=("smoke",)),))
    with Scenario(sqlite_url, known) as world:
        world.publish("1.0")
        world.evaluate()
        with gateway(world, embedded_url, writers=Writers(mode="open")) as made:
            yield made


def at_once(asked: Gateway, method: str, path: str, *bodies: dict[str, str], facts: int) -> list[Response]:
    """The answers to writes that make so many facts, all of which are sent before the first is evaluated."""
    before = asked.stored("%.%")
    with ThreadPoolExecutor(len(bodies)) as threads:
        answers = [threads.submit(send, asked, method, path, body) for body in bodies]
        seen: list[int] = []
        until(lambda: seen.append(asked.ingest("%.finished")) or sum(seen) == facts, what="the facts of the writes")
        assert asked.stored("%.%") >= before + facts
        asked.world.evaluate()
        return [answer.result() for answer in answers]


def test_of_two_statuses_the_one_that_is_not_reached_is_refused(asked: Gateway) -> None:
    words = ("COMPLETED", "FAILED")
    answers = at_once(asked, "PATCH", STATUS, *({"status": word} for word in words), facts=2)
    assert sorted(answer.status_code for answer in answers) == [200, 406]
    for word, answer in zip(words, answers, strict=True):
        if answer.status_code == 200:
            reached = word
            assert answer.json()["status"] == word
        else:
            refused = (word, answer.json()["message"])
    assert refused == (refused[0], f"deployment 1 is {reached}: {refused[0]} cannot be reached from there")


def test_of_two_results_the_one_that_does_not_count_is_refused(asked: Gateway) -> None:
    at_once(asked, "PATCH", STATUS, {"status": "COMPLETED"}, facts=1)
    words = ("SUCCESS", "FAILED")
    results = [{"name": "smoke", "status": word, "infoUrl": f"http://ci/{word}"} for word in words]
    answers = at_once(asked, "POST", RESULTS, *results, facts=2)
    assert sorted(answer.status_code for answer in answers) == [201, 406]
    for word, answer in zip(words, answers, strict=True):
        if answer.status_code == 201:
            result = answer.json()
            assert (result["status"], result["infoUrl"]) == (word, f"http://ci/{word}")
        else:
            message = answer.json()["message"]
    assert message == f"smoke of deployment 1 is {result['status']}: it awaits no result"


def test_the_same_write_several_times_is_answered_alike(asked: Gateway) -> None:
    answers = at_once(asked, "PATCH", STATUS, *[{"status": "COMPLETED"}] * 3, facts=1)
    assert {answer.status_code for answer in answers} == {200}
    result = {"name": "smoke", "status": "SUCCESS"}
    answers = at_once(asked, "POST", RESULTS, *[result] * 3, facts=1)
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(201, "SUCCESS")}
