"""Where reads are not open: programs get 401, browsers are led to the sign-in page, pages know who is there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog
from starlette.middleware import Middleware

from deploydb.domain.model.errors import Misconfigured
from deploydb.http.authentication import Authentication, Authenticator, require_identity
from deploydb.http.sessions import Sessions
from deploydb.identity import SESSION_COOKIE, Identity
from deploydb.query.app import application
from tests.gateway.given import ALICE, IDENTITY, JENKINS, PROXY, Asked, session, story

PAGE = {"method": "GET", "accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def closed(sqlite_url: str) -> Iterator[Asked]:
    """The query service, its reads for people with a token."""
    with story(sqlite_url) as world, ThreadPoolExecutor(2) as threads:
        authentication = Middleware(
            Authentication, authenticator=Authenticator(lambda: IDENTITY, Sessions()), reads="token"
        )
        app = application(
            world.engine,
            lambda: world.catalog,
            log=structlog.get_logger(),
            threads=threads,
            authentication=authentication,
        )
        yield Asked(app, peer="127.0.0.1")


@pytest.mark.parametrize(
    "path",
    [
        "/api/status",
        "/status.json",
        "/nowhere",
        "/api/stream",
        "/",
        "/search?q=foo",
        "/api/search?q=foo",
        "/services",
        "/environments",
        "/environments/dev.json",
        "/environments/dev.ics",
        "/calendar.ics",
        "/badge/foo/dev.svg",
    ],
)
def test_programs_are_asked_to_authenticate(closed: Asked, path: str) -> None:
    answer = closed.ask(path, method="GET")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="deploydb"')
    assert (list(answer.json()), answer.json()["code"]) == (["code", "message"], 401)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("token", ["", "wrong", ALICE[:-1], f"{ALICE}x", "x" * 5000])
def test_a_wrong_token_reads_nothing(closed: Asked, token: str) -> None:
    assert closed.ask("/api/status", method="GET", authorization=f"Bearer {token}").status_code == 401
    assert closed.ask("/api/status", method="GET", authorization=f"Basic {token}").status_code == 401
    assert closed.ask("/api/status", method="GET", cookies={SESSION_COOKIE: token}).status_code == 401


def test_a_token_without_the_scope_reads_nothing(closed: Asked) -> None:
    answer = closed.ask("/api/status", method="GET", authorization=f"Bearer {JENKINS}")
    assert (answer.status_code, answer.json()["message"]) == (403, "jenkins lacks the scope read")


def test_a_token_a_cookie_and_a_proxy_s_word_read(closed: Asked) -> None:
    for answer in (
        closed.ask("/api/status", method="GET", authorization=f"bearer {ALICE}"),
        closed.ask("/api/status", method="GET", cookies={SESSION_COOKIE: session(ALICE)}),
        Asked(closed._app, peer=PROXY).ask("/api/status", method="GET", x_forwarded_user="bob"),
    ):
        assert answer.status_code == 200
        assert "Authorization, Cookie" in answer.headers["vary"]
    assert closed.ask("/api/status", method="GET", x_forwarded_user="bob").status_code == 401


def test_browsers_are_led_to_the_sign_in_page_and_back(closed: Asked) -> None:
    answer = closed.ask("/status?service=a%26b", **PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/status%3Fservice%3Da%2526b")
    page = closed.ask(answer.headers["location"], **PAGE)
    assert 'name="next" value="/status?service=a%26b"' in page.text


def test_pages_know_who_is_signed_in(closed: Asked) -> None:
    page = closed.ask("/status", cookies={SESSION_COOKIE: session(ALICE)}, **PAGE)
    assert page.status_code == 200
    assert "alice" in page.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/healthcheck", "/metrics", "/sign-in"])
def test_probes_and_the_sign_in_page_are_open(closed: Asked, path: str) -> None:
    assert closed.ask(path, method="GET").status_code == 200


def test_nothing_is_open_by_another_spelling(closed: Asked) -> None:
    for path in ("/static", "/healthz/", "/Metrics", "/sign-in/x", "//api/status", "/static%2f..%2fapi/status"):
        assert closed.ask(f"http://deploydb.test{path}", method="GET").status_code in (401, 404), path
        assert b"lanes" not in closed.ask(f"http://deploydb.test{path}", method="GET").content


def test_metrics_are_in_either_format_and_name_the_route_of_a_person_s_request(closed: Asked) -> None:
    closed.ask("/api/status", method="GET", authorization=f"bearer {ALICE}")
    answer = closed.ask("/metrics", method="GET", accept="application/openmetrics-text; version=1.0.0")
    assert 'deploydb_query_requests_total{route="/api/status",status="200"} 1.0' in answer.text
    assert answer.text.endswith("# EOF\n")
    assert closed.ask("/metrics", method="HEAD").status_code == 200


def test_reads_by_token_without_anybody_who_has_one_are_a_mistake() -> None:
    no_one = Identity.parse(tokens="", person_header="", proxies="")
    with pytest.raises(Misconfigured, match="DEPLOYDB_READ is token, and there is no token"):
        require_identity(no_one, "token")
