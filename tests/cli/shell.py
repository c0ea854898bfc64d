"""A shell of a test's own: a folder, an environment without anything of DeployDB's, and the command line in it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploydb.broker.open import open_inbound, open_outbound, provision
from deploydb.broker.port import Delivery, Message
from deploydb.broker.topology import EVENTS, INGEST_QUEUE, topology_of
from tests.scenario import catalog
from tests.warm import starts_alike, warm

DEPLOYDB = [sys.executable, "-m", "deploydb"]
NOWHERE = "http://127.0.0.1:1"
"""Nothing listens on port 1."""
REASON = ("--reason", "a fair", "--by", "ann")
"""Why, and who says so."""

Ended = subprocess.CompletedProcess[str]


class Shell:
    """Commands run in `folder`; `environment` is what `export` has set."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DEPLOYDB_")}
        # the broker of a shell has no ingest: a command that waited for its effect would wait for nothing
        self.environment = (
            inherited
            | {
                "DEPLOYDB_URL": NOWHERE,
                "DEPLOYDB_NO_WAIT": "1",
                "XDG_CACHE_HOME": str(folder / "cache"),
            }
            | environment
        )

    def run(self, *arguments: str | bytes, stdin: bytes = b"", **environment: str) -> Ended:
        """`deploydb ARGUMENTS`, to its end, without a traceback."""
        words, there = [os.fsdecode(argument) for argument in arguments], self.environment | environment
        if starts_alike(there):
            code, out, err = warm().run(words, cwd=self.folder, env=there, stdin=stdin, timeout=60)
        else:
            command = [*DEPLOYDB, *words]
            ended = subprocess.run(
                command, cwd=self.folder, env=there, input=stdin, capture_output=True, timeout=60, check=False
            )
            code, out, err = ended.returncode, ended.stdout, ended.stderr
        answer = Ended(words, code, out.decode(), err.decode())
        assert "Traceback" not in answer.stderr, answer.stderr
        return answer

    def ok(self, *arguments: str | bytes, stdin: bytes = b"", **environment: str) -> Ended:
        """The same, of a command that must work."""
        ended = self.run(*arguments, stdin=stdin, **environment)
        assert ended.returncode == 0, ended.stderr
        return ended

    def fails(self, *arguments: str | bytes, stdin: bytes = b"", code: int = 1, **environment: str) -> str:
        """The errors of a command that must fail; it prints no data."""
        ended = self.run(*arguments, stdin=stdin, **environment)
        assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
        return ended.stderr

    def json(self, *arguments: str) -> Any:
        """The data that a command prints."""
        return json.loads(self.ok(*arguments, "-o", "json").stdout)


@contextmanager
def running(command: Sequence[str], *, env: Mapping[str, str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that has ended after the block, however the block ends."""
    with subprocess.Popen(command, env=env, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()  # no effect on one that has been waited for


class Queue:
    """The embedded broker that a shell publishes to, and what has come to ingest's queue."""

    def __init__(self, url: str) -> None:
        self.url = url
        provision(url, topology_of(catalog()))

    def arrived(self) -> list[Delivery]:
        """What is there by now, taken off the queue. A publish has ended before: nothing is waited for."""
        with open_inbound(self.url, INGEST_QUEUE, name="tests") as inbound:
            deliveries = inbound.receive(1000, timedelta(0))
            inbound.ack(deliveries)
            return deliveries

    def bodies(self) -> list[dict[str, Any]]:
        """The same, read."""
        return [json.loads(delivery.body) for delivery in self.arrived()]

    def send(self, *bodies: bytes) -> None:
        """As any client does, right or wrong."""
        messages = [
            Message(exchange=EVENTS, routing_key="fact", body=body, message_id=f"m-{number}")
            for number, body in enumerate(bodies)
        ]
        with open_outbound(self.url, name="tests") as outbound:
            assert {receipt.state for receipt in outbound.publish(messages)} == {"confirmed"}


def published(queue: Queue) -> dict[str, Any]:
    """The one fact that came, without what differs each time."""
    (body,) = queue.bodies()
    assert body.pop("source").startswith("cli/")
    assert body.pop("id")
    assert datetime.fromisoformat(body.pop("time")) <= datetime.now(UTC)
    if body["type"] == "hold.placed" and body["kind"] != "pin":
        assert len(body.pop("hold")) == 8
    return body
