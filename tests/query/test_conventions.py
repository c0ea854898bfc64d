"""What holds for every resource: media types, errors, ids, pages, methods, limits, headers."""

import json

import pytest
import sqlalchemy as sa

from deploydb.store.tables import artifact
from tests.query.asking import Service
from tests.story import World

JSON = "application/json"
V1 = "application/vnd.deploydb.v1+json"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", JSON),
        ("", JSON),
        (JSON, JSON),
        (V1, V1),
        ("application/*", JSON),
        ("APPLICATION/JSON", JSON),
        (f"{V1}, {JSON}", JSON),
        (f"{JSON};q=0.5, {V1}", V1),
        (f"{V1};q=0.5, {JSON}", JSON),
        (f"{V1}, */*", V1),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        (f"{JSON}; charset=utf-8", JSON),
        (f"{JSON};q=0, */*", V1),
    ],
)
def test_a_client_gets_the_media_type_it_prefers(embedded: Service, accept: str, media_type: str) -> None:
    answer = embedded.ask("/api/services", accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


@pytest.mark.parametrize(
    "accept", ["application/xml", "text/*", "application/vnd.deploydb.v2+json", f"{JSON};q=0", "*/*;q=0", "json", ";,;"]
)
def test_a_client_that_takes_neither_media_type_is_told_so(embedded: Service, accept: str) -> None:
    code, message = embedded.refusal("/api/services", accept=accept)
    assert code == 406
    assert JSON in message
    assert V1 in message


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("/api/artifacts/0xdeadbeef", 400, "0xdeadbeef is not the id of artifact: ids are integers"),
        ("/api/artifacts/1.0", 400, "1.0 is not the id of artifact: ids are integers"),
        ("/api/artifacts/%D9%A1", 400, "١ is not the id of artifact: ids are integers"),
        ("/api/artifacts/%00", 400, "\0 is not the id of artifact: ids are integers"),
        ("/api/artifacts/1e3", 400, "1e3 is not the id of artifact: ids are integers"),
        ("/api/artifacts/x/versions", 400, "x is not the id of artifact: ids are integers"),
        ("/api/deployments/x", 400, "x is not the id of deployment: ids are integers"),
        ("/api/deployments/1/promotions/x", 400, "x is not the id of promotion result: ids are integers"),
        ("/api/flows/x", 400, "x is not the id of flow: ids are integers"),
        ("/api/artifacts/7", 404, "there is no artifact 7"),
        ("/api/artifacts/-1", 404, "there is no artifact -1"),
        ("/api/artifacts/0", 404, "there is no artifact 0"),
        ("/api/artifacts/9223372036854775807", 404, "there is no artifact 9223372036854775807"),
        ("/api/artifacts/9223372036854775808", 404, "there is no artifact 9223372036854775808"),
        ("/api/artifacts/12345678901234567890", 404, "there is no artifact 12345678901234567890"),
        (f"/api/artifacts/{'9' * 5000}", 404, f"there is no artifact {'9' * 200}…"),
        ("/api/artifacts/7/versions", 404, "there is no artifact 7"),
        ("/api/artifacts/7/deployments", 404, "there is no artifact 7"),
        ("/api/artifacts/by-module/a:b", 404, "there is no artifact a:b"),
        ("/api/artifacts/by-module/a:b/latest", 404, "no artifact a:b has been published"),
        ("/api/artifacts/by-module/nocolon", 404, "there is no artifact nocolon: expected GROUP:NAME"),
        ("/api/artifacts/by-module/a:", 404, "there is no artifact a:: expected GROUP:NAME"),
        ("/api/artifacts/by-module/a:%00", 404, "there is no module a:\0: no name has a NUL character"),
        ("/api/deployments", 404, "there is no page 0: nothing is on it"),
        ("/api/deployments/latest", 404, "there is no deployment yet"),
        ("/api/deployments/7", 404, "there is no deployment 7"),
        ("/api/deployments/7/promotions/1", 404, "there is no deployment 7"),
        ("/api/flows/7", 404, "there is no flow 7"),
        ("/api/services/gone", 404, "there is no service gone; there is foo"),
        ("/api/services/%00", 404, "there is no service \0; there is foo"),
        ("/api/environments/gone", 404, "there is no environment gone; there is dev, prod"),
        ("/api/pipelines/gone", 404, "there is no pipeline gone; there is main"),
        ("/api/promotions/gone", 404, "there is no promotion gone; there is manual, smoke, soak"),
        ("/api/why/gone/prod", 404, "there is no service gone; there is foo"),
        ("/api/why/foo/gone", 404, "there is no environment gone; there is dev, prod"),
        ("/api/why/foo/prod", 404, "no release of foo is on its way to prod, and none runs there"),
        ("/api/why/foo/prod?version=1", 404, "there is no version 1 of foo"),
        ("/api/why/foo/prod?version=%00", 400, "version has a NUL character"),
        ("/api/why/%00/prod", 404, "there is no service \0: no name has a NUL character"),
        ("/api/history/gone", 404, "there is no service gone; there is foo"),
        ("/api/history/gone/prod", 404, "there is no service gone; there is foo"),
        ("/api/history/foo/gone", 404, "there is no environment gone; there is dev, prod"),
        ("/api/history/foo?pageNumber=1", 404, "there is no page 1: nothing is on it"),
        ("/api/status?service=gone", 404, "there is no service gone; there is foo"),
        ("/api/status?environment=gone", 404, "there is no environment gone; there is dev, prod"),
        ("/api/status?service=%00", 400, "service has a NUL character"),
        ("/api/events?before=x", 400, "before=x is not a whole number from 0"),
        ("/api/events?type=%00", 400, "type has a NUL character"),
        ("/", 404, "there is no /"),
        ("/api", 404, "there is no /api"),
        ("/api/artifacts", 404, "there is no /api/artifacts"),
        ("/api/services/", 404, "there is no /api/services/"),
        ("/api/%E2%82%AC", 404, "there is no /api/€"),
        ("/api/..%2F..%2Fetc%2Fpasswd", 404, "there is no /api/../../etc/passwd"),
        ("/nowhere", 404, "there is no /nowhere"),
    ],
)
def test_an_error_names_what_was_asked_for(service: Service, path: str, code: int, message: str) -> None:
    assert service.refusal(path) == (code, message)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/api/artifacts/1", "/api/deployments", "/api/status", "/healthcheck", "/metrics"])
def test_what_can_only_be_read_says_so(embedded: Service, method: str, path: str) -> None:
    answer = embedded.ask(path, method=method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert json.loads(answer.content) == {
        "code": 405,
        "message": f"{method} is not allowed on {path}: GET, HEAD are",
    }


def test_head_has_the_headers_of_get(embedded: Service) -> None:
    got, head = embedded.ask("/api/services"), embedded.ask("/api/services", method="HEAD")
    assert head.status_code == 200
    assert head.headers["content-length"] == got.headers["content-length"]
    assert embedded.ask("/api/artifacts/7", method="HEAD").status_code == 404


def test_a_path_that_does_not_exist_is_not_found_whatever_is_accepted(embedded: Service) -> None:
    assert embedded.refusal("/nowhere", accept="application/xml")[0] == 404
    assert embedded.refusal("/api/artifacts/1", method="PATCH", accept="application/xml")[0] == 405
    assert embedded.refusal("/api/artifacts/x", accept="application/xml")[0] == 406


@pytest.fixture
def listed(world: World, service: Service) -> Service:
    """45 artifacts of one module, and 90 deployments."""
    for number in range(45):
        world.now = world.now.replace(minute=number)
        world.publish(f"1.{number}")
    world.evaluate()
    return service


@pytest.mark.parametrize(
    ("query", "first", "count"),
    [
        ("", 1, 20),
        ("?pageNumber=0", 1, 20),
        ("?pageNumber=1", 21, 20),
        ("?pageNumber=4", 81, 10),
        ("?perPageSize=7&pageNumber=2", 15, 7),
        ("?perPageSize=0", 1, 90),
        ("?perPageSize=0&pageNumber=0", 1, 90),
        ("?perPageSize=100000", 1, 90),
        ("?pageNumber=00", 1, 20),
        ("?unknown=1&pageNumber=1", 21, 20),
        ("?pageNumber=1&pageNumber=2", 21, 20),
    ],
)
def test_a_page_of_deployments(listed: Service, query: str, first: int, count: int) -> None:
    told = listed.get(f"/api/deployments{query}")
    assert [one["id"] for one in told] == list(range(first, first + count))


def test_a_page_of_a_module(listed: Service) -> None:
    path = "/api/artifacts/by-module/com.example:foo"
    assert [one["version"] for one in listed.get(f"{path}?perPageSize=2")] == ["1.44", "1.43"]
    assert [one["version"] for one in listed.get(f"{path}?pageNumber=2")] == ["1.4", "1.3", "1.2", "1.1", "1.0"]
    assert listed.refusal(f"{path}?pageNumber=3") == (404, "there is no page 3: nothing is on it")


def test_all_versions_unless_a_page_is_asked_for(listed: Service) -> None:
    assert len(listed.get("/api/artifacts/1/versions")) == 45
    assert len(listed.get("/api/artifacts/1/versions?perPageSize=10&pageNumber=4")) == 5
    assert listed.refusal("/api/artifacts/1/versions?perPageSize=10&pageNumber=5")[0] == 404
    assert listed.refusal("/api/artifacts/1/deployments?pageNumber=1&perPageSize=9")[0] == 404


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("pageNumber=5", 404),
        ("pageNumber=1&perPageSize=0", 404),
        ("pageNumber=9223372036854775807", 404),
        ("pageNumber=99999999999999999999", 404),
        (f"pageNumber={'9' * 5000}", 404),
        ("pageNumber=-1", 400),
        ("pageNumber=-1&perPageSize=0xdeadbeef", 400),
        ("pageNumber=x", 400),
        ("pageNumber=", 400),
        ("pageNumber=1.0", 400),
        ("pageNumber=%2B1", 400),
        ("perPageSize=-1", 400),
        ("perPageSize=x", 400),
        ("perPageSize=", 400),
        ("perPageSize=%00", 400),
        ("perPageSize=%F0%9D%9F%8F", 400),
    ],
)
@pytest.mark.parametrize("path", ["/api/deployments", "/api/artifacts/by-module/com.example:foo"])
def test_no_such_page(service: Service, world: World, path: str, query: str, code: int) -> None:
    world.publish("1.0")
    world.evaluate()
    assert service.refusal(f"{path}?{query}")[0] == code


def test_no_page_is_larger_than_the_cap(world: World, service: Service) -> None:
    world.publish("1.0")
    (row,) = world.rows(artifact)
    copies = [
        {**row._mapping, "id": number, "version": f"1.{number}", "event_id": str(number)} for number in range(2, 1103)
    ]
    with world.engine.begin() as connection:
        connection.execute(sa.insert(artifact), copies)
    path = "/api/artifacts/by-module/com.example:foo"
    for query in ("perPageSize=0", "perPageSize=5000", "perPageSize=1000"):
        assert len(service.get(f"{path}?{query}")) == 1000
    assert len(service.get(f"{path}?perPageSize=5000&pageNumber=1")) == 102
    assert len(service.get("/api/artifacts/1/versions")) == 1000


def test_a_query_that_is_too_long_is_refused(embedded: Service) -> None:
    told = "the query has 20002 bytes, at most 16384 are taken"
    assert embedded.refusal(f"/api/services?x={'a' * 20_000}") == (414, told)


def test_the_longest_names_there_may_be_are_looked_for(embedded: Service) -> None:
    longest = f"/api/artifacts/by-module/{'g' * 8192}:{'n' * 8192}"
    assert embedded.refusal(longest)[0] == 404


def test_every_answer_keeps_browsers_careful(embedded: Service) -> None:
    for path in ("/api/services", "/api/services/gone", "/nowhere", "/metrics", "/healthz"):
        headers = embedded.ask(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
