"""Sessions through the doors of the query service: they expire, slide, end with their token, and cannot be forged."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
import structlog
from httpx2 import Response
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware

from deploydb.http.authentication import Authentication, Authenticator
from deploydb.http.health import Health
from deploydb.http.sessions import Sessions
from deploydb.http.tokens import LiveIdentity
from deploydb.identity import SESSION_COOKIE, Bearer, hashed
from deploydb.query import stream
from deploydb.query.app import application
from deploydb.settings import Settings
from tests.gateway.given import ALICE, Asked, story

BOB = "ddb_bob"
HOUR = 3600.0


def line(name: str, token: str) -> str:
    return f"{name} read,approve {hashed(token)}\n"


class Service:
    """The query service, reads for people alone, on a tokens file; its clocks are the test's."""

    def __init__(self, folder: Path, make: Callable[[Authenticator, Health], Asked], secret: str = "") -> None:
        self.now = 1_800_000_000.0
        self.file = folder / "tokens"
        self.file.write_text(line("alice", ALICE))
        self._folder = folder
        self._make = make
        self.asked = self.started(secret)

    def started(self, secret: str = "") -> Asked:
        """A process on the same file."""
        given = Settings(tokens=self.file.read_text().strip(), tokens_file=self.file)
        health = Health()
        self.identity = LiveIdentity(given, health=health, log=structlog.get_logger())
        return self._make(Authenticator(self.identity, Sessions(secret, clock=lambda: self.now)), health)

    def session(self, token: str = ALICE, secret: str = "") -> str:
        """The cookie's value, as it is given now."""
        bearer = Bearer(name="any", scopes=frozenset(), hashed=hashed(token))
        return Sessions(secret, clock=lambda: self.now).begin(bearer)

    def ask(self, cookie: str = "", **headers: str) -> Response:
        return self.asked.ask("/api/status", method="GET", cookies={SESSION_COOKIE: cookie}, **headers)

    def status(self, cookie: str) -> int:
        return self.ask(cookie).status_code

    def write(self, text: str) -> None:
        """Replace the file, as `mv` does, and have the process look at it."""
        new = self._folder / "new"
        new.write_text(text)
        os.replace(new, self.file)
        self.identity.refresh()


@pytest.fixture
def house(sqlite_url: str, tmp_path: Path) -> Iterator[Service]:
    with story(sqlite_url) as world, ThreadPoolExecutor(2) as threads:

        def make(authenticator: Authenticator, health: Health) -> Asked:
            app = application(
                world.engine,
                lambda: world.catalog,
                log=structlog.get_logger(),
                threads=threads,
                registry=CollectorRegistry(),
                health=health,
                authentication=Middleware(Authentication, authenticator=authenticator, reads="token"),
            )
            return Asked(app, peer="127.0.0.1")

        yield Service(tmp_path, make)


def test_a_session_expires_after_twelve_hours(house: Service) -> None:
    cookie = house.session()
    assert house.status(cookie) == 200
    house.now += 12 * HOUR - 1
    assert house.status(cookie) == 200
    house.now += 1
    assert house.status(cookie) == 401


def test_a_session_slides_with_the_requests(house: Service) -> None:
    cookie = house.session()
    for _ in range(5):
        house.now += 10 * HOUR
        answer = house.ask(cookie)
        assert answer.status_code == 200
        renewed, _, attributes = answer.headers["set-cookie"].removeprefix(f"{SESSION_COOKIE}=").partition("; ")
        assert attributes == "HttpOnly; Max-Age=43200; Path=/; SameSite=strict"
        assert renewed != cookie
        cookie = renewed
    house.now += 60
    assert "set-cookie" not in house.ask(cookie).headers


@pytest.mark.parametrize(
    "forged",
    [
        lambda cookie: cookie[:-9] + ("A" if cookie[-9] != "A" else "B") + cookie[-8:],
        lambda cookie: cookie.replace(".", "", 1),
        lambda cookie: ".".join([cookie.split(".")[0], "aaaaaa", cookie.split(".")[2]]),
        lambda cookie: cookie.split(".")[0],
        lambda _: ALICE,
        lambda _: hashed(ALICE),
        lambda _: "..",
    ],
)
def test_a_cookie_that_was_changed_is_refused(house: Service, forged: Callable[[str], str]) -> None:
    assert house.status(forged(house.session())) == 401


def test_a_session_signed_for_another_person_or_with_another_secret_is_refused(house: Service) -> None:
    house.write(line("alice", ALICE) + line("bob", BOB))
    alice, bob = house.session(), house.session(BOB)
    swapped = ".".join([bob.split(".")[0], *alice.split(".")[1:]])
    assert [house.status(cookie) for cookie in (alice, bob, swapped)] == [200, 200, 401]
    assert house.status(house.session(secret="other")) == 401


def test_a_cookie_does_not_hold_the_token_nor_its_hash(house: Service) -> None:
    cookie = house.session()
    assert ALICE not in cookie
    assert hashed(ALICE)[:16] not in cookie


def test_a_session_of_the_future_is_refused_beyond_the_drift_of_two_clocks(house: Service) -> None:
    house.now += 30
    near = house.session()
    house.now += 3600
    far = house.session()
    house.now -= 3630
    assert (house.status(near), house.status(far)) == (200, 401)


def test_a_session_ends_with_its_token_while_the_process_runs(house: Service) -> None:
    house.write(line("alice", ALICE) + line("bob", BOB))
    alice, bob = house.session(), house.session(BOB)
    assert (house.status(alice), house.status(bob)) == (200, 200)
    house.write(line("bob", BOB))
    assert (house.status(alice), house.status(bob)) == (401, 200)
    assert house.ask(authorization=f"Bearer {ALICE}").status_code == 401


def test_a_new_token_works_without_a_restart(house: Service) -> None:
    assert house.ask(authorization=f"Bearer {BOB}").status_code == 401
    house.write(line("alice", ALICE) + line("bob", BOB))
    assert house.ask(authorization=f"Bearer {BOB}").status_code == 200


def test_without_any_token_left_no_one_reads_and_health_warns(house: Service) -> None:
    cookie = house.session()
    house.write("# none\n")
    assert house.status(cookie) == 401
    assert house.status("") == 401
    (warning,) = house.asked.ask("/readyz", method="GET").json()["warnings"]
    assert warning.startswith(f"tokens: {house.file} has no token")


def test_a_file_that_was_moved_away_and_back_is_good_again(house: Service) -> None:
    house.identity.refresh()
    away = house.file.rename(house.file.with_name("away"))
    house.identity.refresh()
    assert house.asked.ask("/readyz", method="GET").json()["warnings"]
    away.rename(house.file)
    house.identity.refresh()
    assert house.asked.ask("/readyz", method="GET").json()["warnings"] == []


def test_a_file_that_any_cache_may_keep_renews_no_session(house: Service) -> None:
    cookie = {SESSION_COOKIE: house.session()}
    house.now += HOUR
    answer = house.asked.ask("/static/page.css", method="GET", cookies=cookie)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "set-cookie" in house.asked.ask("/status", method="GET", cookies=cookie).headers


def test_an_open_stream_ends_with_its_token(house: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "ALIVE_SECONDS", 0.01)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(house.asked.ask, "/api/stream", method="GET", authorization=f"Bearer {ALICE}")
        assert not wait([answer], timeout=0.3).done
        house.write(line("bob", BOB))
        assert ": alive" in answer.result(timeout=60).text


@pytest.mark.parametrize("broken", ["alice read", "\ufffd \x00", "alice reed " + hashed(ALICE), None])
def test_a_broken_tokens_file_keeps_the_last_good_one_and_warns(house: Service, broken: str | None) -> None:
    cookie = house.session()
    assert house.status(cookie) == 200
    if broken is None:
        house.file.unlink()
        house.identity.refresh()
    else:
        house.write(broken)
    assert house.status(cookie) == 200
    ready = house.asked.ask("/readyz", method="GET").json()
    assert ready["ready"]
    (warning,) = ready["warnings"]
    assert "tokens: file broken, the last good one is in use: " in warning
    assert hashed(ALICE) not in warning
    assert str(house.file) in warning
    house.write(line("alice", ALICE))
    assert house.asked.ask("/readyz", method="GET").json()["warnings"] == []


def test_a_session_outlives_a_restart_and_is_known_to_a_second_process(house: Service) -> None:
    cookie = house.session()
    house.asked = house.started()
    assert house.status(cookie) == 200
    house.asked = house.started(secret="s3cret")
    assert house.status(cookie) == 401
    assert house.status(house.session(secret="s3cret")) == 200


def test_the_secret_of_sessions_is_no_part_of_any_text() -> None:
    assert "s3cret" in replace(Settings(), session_secret="s3cret").secrets
