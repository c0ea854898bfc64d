"""RabbitMQ over TLS, verified."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deploydb.broker.open import open_inbound, open_outbound, provision
from deploydb.broker.port import Message
from deploydb.broker.topology import EVENTS, INGEST_QUEUE, topology
from deploydb.domain.model.errors import Misconfigured
from tests.servers import Servers
from tests.servers.ports import free_port

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl: install it"),
]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for localhost, with its key."""
    path = tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-out", path, "-keyout", path.with_name("key.pem")], check=True, capture_output=True)
    return path


@pytest.fixture
def tls_url(servers: Servers, rabbitmq: object, certificate: Path) -> Iterator[str]:
    """A node that speaks TLS. (The fixture `rabbitmq` reports a missing server in the usual way.)"""
    port = free_port()
    options = {
        "listeners.ssl.default": f"127.0.0.1:{port}",
        "ssl_options.cacertfile": str(certificate),
        "ssl_options.certfile": str(certificate),
        "ssl_options.keyfile": str(certificate.with_name("key.pem")),
    }
    with servers.own_rabbitmq(options):
        yield f"amqps://guest:guest@localhost:{port}/?cafile={certificate}"


def test_messages_of_all_sizes_pass_and_an_unknown_certificate_does_not(tls_url: str) -> None:
    provision(tls_url, topology({"default": ("dev",)}))
    sizes = [0, 10, 100_000, 3_000_000] + [600] * 3000
    messages = [
        Message(exchange=EVENTS, routing_key="a", body=b"x" * size, message_id=str(number))
        for number, size in enumerate(sizes)
    ]
    with open_outbound(tls_url, name="tests") as outbound, open_inbound(tls_url, INGEST_QUEUE, name="tests") as inbound:
        assert {receipt.state for receipt in outbound.publish(messages)} == {"confirmed"}
        seen: list[int] = []
        while len(seen) < len(sizes):
            taken = inbound.receive(500, timedelta(seconds=10))
            assert taken
            seen += [len(delivery.body) for delivery in taken]
            inbound.ack(taken)
        assert seen == sizes
        assert inbound.receive(1, timedelta(seconds=0.1)) == []
    unverified = tls_url.partition("?")[0]
    with pytest.raises(Misconfigured, match=r"certificate .* is not trusted"):
        open_inbound(unverified, INGEST_QUEUE, name="tests")
    with pytest.raises(Misconfigured, match=r"certificate .* is not trusted"):
        open_outbound(unverified, name="tests")
    elsewhere = tls_url.replace("localhost", "127.0.0.1")
    with pytest.raises(Misconfigured, match=r"certificate .* is not trusted"):
        open_inbound(elsewhere, INGEST_QUEUE, name="tests")
