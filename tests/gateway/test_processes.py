"""The gateway as a process, and `deploydb token` on the command line."""

import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from deploydb.broker.open import provision
from deploydb.broker.topology import topology_of
from deploydb.configuration import load
from deploydb.identity import Tokens
from tests.cli.shell import Shell
from tests.cluster import ROOT, write_config
from tests.servers import until
from tests.servers.ports import free_port
from tests.workers.in_process import CONFIG


@pytest.fixture
def shell(tmp_path: Path, sqlite_url: str, embedded_url: str) -> Shell:
    """In a folder with a configuration, a database and a broker."""
    config = write_config(tmp_path / "config", CONFIG)
    catalog = load(config).catalog
    assert catalog is not None
    provision(embedded_url, topology_of(catalog))
    given = {"DATABASE_URL": sqlite_url, "BROKER_URL": embedded_url, "CONFIG": str(config)}
    return Shell(tmp_path, **{f"DEPLOYDB_{name}": value for name, value in given.items()})


def run(shell: Shell, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workers", name],
        env=shell.environment | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_gateway_answers_on_its_own_address_and_stops_when_asked(shell: Shell) -> None:
    address = f"127.0.0.1:{free_port()}"
    tokens = shell.folder / "tokens"
    made = shell.ok("token", "alice")
    tokens.write_text(f"# people\n{made.stderr}")
    given = {"DEPLOYDB_GATEWAY_LISTEN": address, "DEPLOYDB_TOKENS_FILE": str(tokens)}
    command = [sys.executable, "-m", "workers", "gateway"]
    process = subprocess.Popen(command, env=shell.environment | given, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _status(f"http://{address}/readyz") == 200, what="the gateway to be ready")
        assert _status(f"http://{address}/api/approvals", b"{}") == 401
        assert _status(f"http://{address}/api/approvals", b"{}", token=made.stdout.strip()) == 422
        assert _status(f"http://{address}/api/status") == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("name", "variable", "value", "answer"),
    [
        ("gateway", "DEPLOYDB_GATEWAY_LISTEN", "nowhere", "DEPLOYDB_GATEWAY_LISTEN is nowhere: expected HOST:PORT"),
        ("gateway", "DEPLOYDB_TOKENS", "alice", "DEPLOYDB_TOKENS, line 1: expected NAME"),
        ("web", "DEPLOYDB_READ", "token", "DEPLOYDB_READ is token, and there is no token"),
        ("query", "DEPLOYDB_PERSON_HEADER", "X-User", "no proxy is trusted to set it"),
    ],
)
def test_a_setting_that_is_wrong_ends_it_with_one_line(
    shell: Shell, name: str, variable: str, value: str, answer: str
) -> None:
    ended = run(shell, name, **{"DEPLOYDB_LISTEN": "127.0.0.1:0", variable: value})
    assert ended.returncode == 1
    assert answer in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_token_is_printed_once_and_its_line_holds_a_hash(shell: Shell) -> None:
    ended = shell.ok("token", "alice", "--scope", "write", "--scope", "read")
    token, line = ended.stdout.strip(), ended.stderr
    assert line.startswith("alice read,write ")
    assert token not in line
    bearer = Tokens.parse(line).find(token)
    assert bearer is not None
    assert (bearer.name, bearer.scopes) == ("alice", {"read", "write"})
    assert "cannot be the name of a token" in shell.fails("token", "a b")


def _status(url: str, body: bytes | None = None, *, token: str | None = None) -> int:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urlopen(Request(url, data=body, headers=headers), timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0
