"""One request, one answer: against a real server on loopback, allowed by the setting."""

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address

import pytest

from deploydb.egress import Answer, Client, EgressPolicy, NoAnswer, Request
from tests.servers.process import BUSY
from tests.web import Web, web

LOOPBACK = Client(EgressPolicy.parse("127.0.0.0/8"))


@pytest.fixture
def server() -> Iterator[Web]:
    with web() as made:
        yield made


def ask(url: str, outgoing: Client = LOOPBACK, *, seconds: float = 5, **fields: object) -> Answer | NoAnswer:
    return outgoing.ask(Request(url=url, timeout=timedelta(seconds=seconds), **fields))  # type: ignore[arg-type]


def test_the_answer_is_its_status_and_its_body(server: Web) -> None:
    server.reply("/health", (503, b"busy"))
    assert ask(f"{server.url}/health?a=1#x") == Answer(status=503, body=b"busy", complete=True)
    method, path, _, headers = server.asked[0]
    assert (method, path, headers["host"]) == ("GET", "/health?a=1", server.url.removeprefix("http://"))


def test_a_post_has_its_body_and_its_headers(server: Web) -> None:
    server.reply("/hook", 200)
    ask(f"{server.url}/hook", method="POST", body='{"a":"ü"}', headers=(("Authorization", "Bearer ü"),))
    method, _, body, headers = server.asked[0]
    assert (method, body) == ("POST", '{"a":"ü"}'.encode())
    assert headers["content-type"] == "application/json"
    assert headers["authorization"].encode("latin-1") == "Bearer ü".encode()


def test_a_redirect_is_an_answer_and_is_not_followed(server: Web) -> None:
    server.reply("/old", (302, b"/new"))
    assert ask(f"{server.url}/old") == Answer(status=302, body=b"/new", complete=True)
    assert server.paths() == ["/old"]


def test_no_more_than_the_limit_is_read(server: Web) -> None:
    server.reply("/long", (200, b"x" * 10_000_000))
    assert ask(f"{server.url}/long", limit_bytes=1000) == Answer(status=200, body=b"x" * 1000, complete=False)


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_an_endpoint_that_never_ends_its_answer_is_left_at_the_timeout(server: Web, path: str) -> None:
    began = time.monotonic()
    assert ask(f"{server.url}{path}", seconds=0.5) == NoAnswer(reason="timed out after 0.5s")
    assert time.monotonic() - began < 3 * BUSY


def test_no_one_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert ask(f"http://127.0.0.1:{port}/") == NoAnswer(reason="connection refused", sent=False)


def test_a_name_that_cannot_be_resolved_has_taken_nothing() -> None:
    def resolve(_host: str, _port: int) -> list[object]:
        raise OSError

    answer = ask("http://nowhere.example/", Client(EgressPolicy(), resolve=resolve))  # type: ignore[arg-type]
    assert isinstance(answer, NoAnswer)
    assert (answer.asked, answer.sent) == (True, False)


def test_by_default_loopback_is_not_asked(server: Web) -> None:
    answer = ask(f"{server.url}/", Client(EgressPolicy()))
    assert isinstance(answer, NoAnswer)
    assert not answer.asked
    assert not answer.sent
    assert answer.reason.startswith("127.0.0.1 is a loopback address: not asked")
    assert server.asked == []


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "localhost"])
def test_other_ways_to_write_loopback_are_not_asked_either(server: Web, host: str) -> None:
    answer = ask(server.url.replace("127.0.0.1", host), Client(EgressPolicy()))
    assert isinstance(answer, NoAnswer)
    assert "is a loopback address" in answer.reason
    assert server.asked == []


def test_the_name_is_resolved_once_and_that_very_address_is_asked(server: Web) -> None:
    resolved: list[str] = []

    def resolve(host: str, _port: int) -> list[object]:
        resolved.append(host)
        return [ip_address("127.0.0.1")]

    server.reply("/", 200)
    rebinding = Client(EgressPolicy.parse("127.0.0.1"), resolve=resolve)  # type: ignore[arg-type]
    answer = ask(server.url.replace("127.0.0.1", "rebinding.example") + "/", rebinding)
    assert isinstance(answer, Answer)
    assert answer.status == 200
    assert resolved == ["rebinding.example"]
    assert server.asked[0][3]["host"].startswith("rebinding.example:")


def test_one_private_address_among_public_ones_is_enough_to_ask_no_one() -> None:
    both = Client(EgressPolicy(), resolve=lambda _host, _port: [ip_address("1.1.1.1"), ip_address("169.254.169.254")])
    answer = ask("http://both.example/", both)
    assert isinstance(answer, NoAnswer)
    assert "169.254.169.254, which is a link-local address" in answer.reason


@pytest.mark.parametrize("url", ["ftp://example.com/", "file:///etc/passwd", "http://", "http://[::1/", "no url"])
def test_what_is_no_web_address_is_not_asked(url: str) -> None:
    answer = ask(url)
    assert isinstance(answer, NoAnswer)
    assert not answer.asked


def test_proxies_of_the_environment_are_ignored(server: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.reply("/", 204)
    assert ask(f"{server.url}/") == Answer(status=204, body=b"", complete=True)


@pytest.mark.parametrize("header", [("bad\nname", "secret"), ("X-Token", "sec\nret")])
def test_a_header_that_is_none_is_no_answer_and_is_not_quoted(server: Web, header: tuple[str, str]) -> None:
    answer = ask(f"{server.url}/", headers=(header,))
    assert answer == NoAnswer(reason="cannot be asked: a header of it is none", sent=False)
    assert server.asked == []


def test_the_credentials_of_a_url_go_into_a_header(server: Web) -> None:
    server.reply("/", 200)
    ask(server.url.replace("://", "://me:p%40ss@") + "/")
    assert server.asked[0][3]["authorization"] == "Basic bWU6cEBzcw=="
    assert "me" not in server.asked[0][3]["host"]
