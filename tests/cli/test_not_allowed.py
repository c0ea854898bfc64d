"""Exit code 4: the query service or the broker does not admit the settings' user; and where the token goes."""

import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from deploydb.broker.open import provision
from deploydb.broker.topology import topology
from tests.cli.shell import Shell
from tests.conftest import needs_servers
from tests.servers import RabbitMQ


class Guarded(BaseHTTPRequestHandler):
    """Lets one token in; sends what is asked for below /moved to another host's name."""

    seen: ClassVar[list[tuple[str, str | None]]]

    def do_GET(self) -> None:
        """The holds, for who may read them."""
        given = self.headers.get("Authorization")
        self.seen.append((self.path, given))
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/api/holds")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answer: object = {"holds": []}
        code = {"Bearer good": 200, "Bearer narrow": 403}.get(given or "", 401)
        if code != 200:
            answer = {"code": code, "message": "the scope read is needed" if code == 403 else "say who you are"}
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@pytest.fixture
def guarded() -> Iterator[str]:
    """The service's address."""
    Guarded.seen = []
    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_token_is_sent(shell: Shell, guarded: str) -> None:
    shell.ok("holds", DEPLOYDB_URL=guarded, DEPLOYDB_TOKEN="good")
    (shell.folder / "token").write_text("good\n")
    shell.ok("holds", DEPLOYDB_URL=guarded, DEPLOYDB_TOKEN_FILE="token")


def test_without_a_token_that_is_good_enough_it_ends_with_4(shell: Shell, guarded: str) -> None:
    answer = shell.fails("holds", DEPLOYDB_URL=guarded, code=4)
    assert answer.startswith("deploydb: say who you are; DEPLOYDB_TOKEN ")
    answer = shell.fails("holds", DEPLOYDB_URL=guarded, DEPLOYDB_TOKEN="narrow", code=4)
    assert "the scope read is needed" in answer
    assert "narrow" not in answer


def test_the_token_is_for_the_service_alone_and_does_not_follow_to_another(shell: Shell, guarded: str) -> None:
    shell.fails("holds", DEPLOYDB_URL=f"{guarded}/moved", DEPLOYDB_TOKEN="good", code=4)
    assert Guarded.seen == [("/moved/api/holds", "Bearer good"), ("/api/holds", None)]


@needs_servers
def test_a_broker_that_refuses_ends_it_with_4(shell: Shell, amqp_url: str, rabbitmq: RabbitMQ) -> None:
    provision(amqp_url, topology({}))
    vhost = amqp_url.rpartition("/")[2]
    url = rabbitmq.create_user(f"reader-{secrets.token_hex(4)}", "secret", vhost, {"read": ".*"})
    command = ["publish", "artifact", "com.example:foo", "1.0"]
    assert "refuse" in shell.fails(*command, DEPLOYDB_BROKER_URL=url, code=4)
    wrong = url.replace(":secret@", ":guessed@")
    assert "login" in shell.fails(*command, DEPLOYDB_BROKER_URL=wrong, code=4)
