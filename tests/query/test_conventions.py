"""What holds for every resource: media types, errors, ids, methods, limits, headers."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.query.client import Service
from tests.scenario import Scenario

JSON = "application/json"
V1 = "application/vnd.deploydb.v1+json"


@pytest.fixture(scope="module")
def empty(shared_url: str) -> Iterator[Service]:
    """The service while nothing has been published, on each database in turn."""
    with Scenario(shared_url) as world, Service(world) as service:
        yield service


@pytest.fixture(scope="module")
def quiet(shared_sqlite_url: str) -> Iterator[Service]:
    """The same on SQLite alone, for what has nothing to do with the database."""
    with Scenario(shared_sqlite_url) as world, Service(world) as service:
        yield service


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
def test_a_client_gets_the_media_type_it_prefers(quiet: Service, accept: str, media_type: str) -> None:
    answer = quiet.ask("/api/services", accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


@pytest.mark.parametrize(
    "accept", ["application/xml", "text/*", "application/vnd.deploydb.v2+json", f"{JSON};q=0", "*/*;q=0", "json", ";,;"]
)
def test_a_client_that_takes_neither_media_type_gets_406(quiet: Service, accept: str) -> None:
    code, message = quiet.refusal("/api/services", accept=accept)
    assert code == 406
    assert JSON in message
    assert V1 in message


def test_accept_may_come_in_several_lines(quiet: Service) -> None:
    both = [("accept", "text/html"), ("accept", V1)]
    answer = quiet.ask("/api/services", both)
    assert (answer.status_code, answer.headers["content-type"]) == (200, V1)
    assert quiet.ask("/healthcheck", both).headers["content-type"] == V1
    assert quiet.ask("/api/services", [("accept", "text/html"), ("accept", "image/*")]).status_code == 406


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
        ("/api/deployments", 404, "there is no page 0 of /api/deployments: nothing is on it"),
        (
            "/api/artifacts?query=a%20b&perPageSize=5",
            404,
            "there is no page 0 of /api/artifacts?query=a b: nothing is on it",
        ),
        (
            "/api/deployments/by-service/foo",
            404,
            "there is no page 0 of /api/deployments/by-service/foo: nothing is on it",
        ),
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
        ("/api/why/gone", 404, "there is no service gone; there is foo"),
        ("/api/why/foo", 404, "no release of foo is on its way to prod, and none runs there"),
        ("/api/why/foo/gone", 404, "there is no environment gone; there is dev, prod"),
        ("/api/why/foo/prod", 404, "no release of foo is on its way to prod, and none runs there"),
        ("/api/why/foo/prod?version=1", 404, "there is no version 1 of foo"),
        ("/api/why/foo/prod?version=%00", 400, "version has a NUL character"),
        ("/api/why/%00/prod", 404, "there is no service \0: no name has a NUL character"),
        ("/api/history/gone", 404, "there is no service gone; there is foo"),
        ("/api/history/gone/prod", 404, "there is no service gone; there is foo"),
        ("/api/history/foo/gone", 404, "there is no environment gone; there is dev, prod"),
        ("/api/history/foo?pageNumber=1", 404, "there is no page 1 of /api/history/foo: nothing is on it"),
        ("/api/status?service=gone", 404, "there is no service gone; there is foo"),
        ("/api/status?environment=gone", 404, "there is no environment gone; there is dev, prod"),
        ("/api/names?url=%00", 400, "url has a NUL character"),
        ("/api/status?service=%00", 400, "service has a NUL character"),
        ("/api/events?before=x", 400, "before=x is not a whole number from 0"),
        ("/api/events?type=%00", 400, "type has a NUL character"),
        ("/api", 404, "there is no /api"),
        ("/api/artefacts", 404, "there is no /api/artefacts; did you mean /api/artifacts?"),
        ("/api/services/", 404, "there is no /api/services/"),
        ("/api/%E2%82%AC", 404, "there is no /api/€"),
        ("/api/..%2F..%2Fetc%2Fpasswd", 404, "there is no /api/../../etc/passwd"),
        ("/nowhere", 404, "there is no /nowhere; did you mean /where?"),
    ],
)
def test_an_error_names_what_was_asked_for(empty: Service, path: str, code: int, message: str) -> None:
    assert empty.refusal(path) == (code, message)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/api/artifacts/1", "/api/deployments", "/api/status", "/healthcheck", "/metrics"])
def test_what_can_only_be_read_says_so(quiet: Service, method: str, path: str) -> None:
    answer = quiet.ask(path, method=method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert json.loads(answer.content) == {
        "code": 405,
        "message": f"{method} is not allowed on {path}; allowed: GET, HEAD",
    }


def test_head_has_the_headers_of_get(quiet: Service) -> None:
    got, head = quiet.ask("/api/services"), quiet.ask("/api/services", method="HEAD")
    assert head.status_code == 200
    assert head.headers["content-length"] == got.headers["content-length"]
    assert quiet.ask("/api/artifacts/7", method="HEAD").status_code == 404


def test_a_path_that_does_not_exist_is_not_found_whatever_is_accepted(quiet: Service) -> None:
    assert quiet.refusal("/nowhere", accept="application/xml")[0] == 404
    assert quiet.refusal("/api/artifacts/1", method="PATCH", accept="application/xml")[0] == 405
    assert quiet.refusal("/api/artifacts/x", accept="application/xml")[0] == 406


_PARTS = (
    "api", "artifacts", "by-module", "deployments", "flows", "why", "history", "events", "status", "services", "latest",
    "versions", "promotions", "foo", "dev", "com.example:foo", "1", "-1", "9" * 25, "%D9%A1", "%00", "%2e%2e",
    "%2F", ":", "%ff", "%ed%a0%80", "%F0%9F%92%A9", "'", "%22", "%25", "%5C", "%0d%0a", "{id}", "%s", "$1",
)  # fmt: skip
_PARAMETERS = ("pageNumber", "perPageSize", "before", "service", "environment", "type", "source", "version")


@given(
    path=st.lists(st.sampled_from(_PARTS), min_size=1, max_size=4),
    query=st.lists(st.tuples(st.sampled_from(_PARAMETERS), st.sampled_from(_PARTS)), max_size=3),
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_is_answered_or_refused(
    empty: Service, path: list[str], query: list[tuple[str, str]]
) -> None:
    asked = f"/api/{'/'.join(path)}?{'&'.join(f'{name}={value}' for name, value in query)}"
    answer = empty.ask(asked)
    assert answer.status_code in (200, 400, 404)
    assert isinstance(json.loads(answer.content), dict | list)


def test_a_query_that_is_too_long_is_refused(quiet: Service) -> None:
    answer = "the query has 20002 bytes, at most 16384 are taken"
    assert quiet.refusal(f"/api/services?x={'a' * 20_000}") == (414, answer)


def test_the_longest_names_there_may_be_are_looked_for(quiet: Service) -> None:
    longest = f"/api/artifacts/by-module/{'g' * 8192}:{'n' * 8192}"
    assert quiet.refusal(longest)[0] == 404


def test_every_answer_keeps_browsers_careful(quiet: Service) -> None:
    for path in ("/api/services", "/api/services/gone", "/nowhere", "/metrics", "/healthz"):
        headers = quiet.ask(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("private, no-cache" if path == "/api/services" else "no-store")
        assert (
            headers["content-security-policy"]
            == "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )


def test_a_request_has_an_id_that_is_its_clients_where_that_is_one(quiet: Service) -> None:
    assert quiet.ask("/api/services", **{"x-request-id": "ci-7.2_a"}).headers["x-request-id"] == "ci-7.2_a"
    for sent in ("", "a b", "x" * 65, "<script>"):
        made = quiet.ask("/api/services", **{"x-request-id": sent}).headers["x-request-id"]
        assert len(made) == 32
        assert made != sent
