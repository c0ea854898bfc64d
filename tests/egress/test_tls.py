"""TLS is verified against the host's name, although the connection goes to an address."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from deploydb.egress import Answer, Client, EgressPolicy, NoAnswer, Request

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="makes its certificate with openssl: install it"
)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for gate.example, with its key."""
    path = tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=gate.example", "-addext", "subjectAltName=DNS:gate.example"]
    subprocess.run([*command, "-out", path, "-keyout", path.with_name("key.pem")], check=True, capture_output=True)
    return path


@pytest.fixture
def port(certificate: Path) -> Iterator[int]:
    """A TLS server on loopback that answers 204, and says to which name it was spoken to."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """A test says what it looks at."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client without trusted certificates goes away."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def ask(host: str, port: int, trusted: Path | None) -> Answer | NoAnswer:
    tls = ssl.create_default_context(cafile=trusted)
    outgoing = Client(EgressPolicy.parse("127.0.0.1"), resolve=lambda _host, _port: [ip_address("127.0.0.1")], tls=tls)
    return outgoing.ask(Request(url=f"https://{host}:{port}/"))


def test_a_certificate_of_the_hosts_name_is_taken(port: int, certificate: Path) -> None:
    assert ask("gate.example", port, certificate) == Answer(status=204, body=b"", complete=True)


def test_a_certificate_of_another_name_is_not(port: int, certificate: Path) -> None:
    answer = ask("other.example", port, certificate)
    assert isinstance(answer, NoAnswer)
    assert answer.reason.startswith("its certificate is not trusted: Hostname mismatch")


def test_a_certificate_that_no_one_vouches_for_is_not(port: int) -> None:
    answer = ask("gate.example", port, None)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "its certificate is not trusted: self-signed certificate"
