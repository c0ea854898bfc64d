"""Nothing there, something else there, or an address that is none: a line that says what to do, and exit code 1."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.cli.shell import Shell


class Stranger(BaseHTTPRequestHandler):
    """Some other service: each path is what it answers."""

    def do_GET(self) -> None:
        """A body that is no answer of DeployDB's."""
        code, body = {
            "html": (200, b"<html>Welcome</html>"),
            "list": (200, b"[]"),
            "object": (200, b'{"jobs": []}'),
            "latin": (200, b'"\xff"'),
            "failing": (500, b"oops"),
            "absent": (404, b"no such page"),
        }[self.path.split("/")[1]]
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    """The other service's address."""
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_query_service_that_is_away_is_reported_with_its_address(shell: Shell) -> None:
    answer = shell.fails("status")
    assert answer.startswith("deploydb: no answer from http://127.0.0.1:1 (")
    assert "`deploydb up` starts it here" in answer


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://[::1", "http://a b", "http://127.0.0.1:port"])
def test_a_url_that_is_none_is_named(shell: Shell, url: str) -> None:
    answer = shell.fails("status", DEPLOYDB_URL=url)
    assert answer.startswith(f"deploydb: DEPLOYDB_URL is {url}: expected http://HOST:PORT")


@pytest.mark.parametrize("kind", ["html", "list", "object", "latin"])
@pytest.mark.parametrize("command", [["status"], ["why", "foo", "prod"], ["history", "foo"], ["events"]], ids=" ".join)
def test_a_service_that_is_another_one_is_not_believed(
    shell: Shell, stranger: str, command: list[str], kind: str
) -> None:
    output = shell.fails(*command, DEPLOYDB_URL=f"{stranger}/{kind}")
    assert output == f"deploydb: {stranger}/{kind} does not answer as DeployDB does: check DEPLOYDB_URL\n"


@pytest.mark.parametrize(("kind", "code"), [("failing", 500), ("absent", 404)])
def test_a_refusal_without_words_is_reported_by_its_code(shell: Shell, stranger: str, kind: str, code: int) -> None:
    answer = shell.fails("events", DEPLOYDB_URL=f"{stranger}/{kind}")
    assert answer.startswith(f"deploydb: {stranger}/{kind}/api/events?perPageSize=20 answers {code} ")


@pytest.mark.parametrize(
    "command",
    [
        ["publish", "artifact", "com.example:foo", "1.0"],
        ["dead", "list"],
        ["approve", "a", "b", "1", "--promotion", "go"],
    ],
    ids=" ".join,
)
def test_without_a_deploydb_here_the_way_to_one_is_reported(shell: Shell, command: list[str]) -> None:
    answer = shell.fails(*command)
    assert "deploydb-data/broker.db" in answer
    assert "`deploydb up`" in answer
    assert not (shell.folder / "deploydb-data").exists()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nonsense", "DEPLOYDB_BROKER_URL"),
        ("embedded:", "DEPLOYDB_BROKER_URL names no file"),
        ("amqp://me:secret@127.0.0.1:1/house", "amqp://me@127.0.0.1:1/house cannot be reached"),
    ],
)
@pytest.mark.parametrize("command", [["publish", "artifact", "com.example:foo", "1.0"], ["dead", "list"]], ids=" ".join)
def test_a_broker_that_is_away_is_reported_without_its_password(
    shell: Shell, command: list[str], url: str, expected: str
) -> None:
    answer = shell.fails(*command, DEPLOYDB_BROKER_URL=url)
    assert expected in answer
    assert "secret" not in answer
    assert len(answer.splitlines()) == 1


def test_a_file_that_is_no_broker_is_reported(shell: Shell) -> None:
    (shell.folder / "broker.db").write_bytes(b"not a database at all, for sure" * 40)
    answer = shell.fails("publish", "artifact", "a:b", "1", DEPLOYDB_BROKER_URL="embedded:broker.db")
    assert answer.startswith("deploydb: embedded:broker.db is damaged")


def test_a_secret_file_that_cannot_be_read_is_reported(shell: Shell) -> None:
    answer = shell.fails("dead", "list", DEPLOYDB_BROKER_URL_FILE="nowhere")
    assert answer == "deploydb: DEPLOYDB_BROKER_URL_FILE: cannot read nowhere: No such file or directory\n"


@pytest.mark.parametrize("command", [["publish", "artifact", b"\xff:foo", "1.0"], ["why", b"\xff", "prod"]])
def test_arguments_that_are_no_text_are_reported(shell: Shell, command: list[str | bytes]) -> None:
    assert "is not UTF-8" in shell.fails(*command)
