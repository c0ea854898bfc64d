"""`deploydb deployer` as a process, and the broker that it works for."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploydb.broker.open import open_inbound, open_outbound
from deploydb.broker.port import Delivery, Message
from deploydb.broker.topology import COMMANDS, INGEST_QUEUE, topology
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import DeployCommand
from deploydb.wire.native import encode_command
from tests.servers.logins import broker_login, provision_with_users

DEPLOYDB = [sys.executable, "-m", "deploydb"]
DEADLINE_SECONDS = 30.0


class Bench:
    """A broker with the queue `default`, a folder, and the deployers that run on it."""

    def __init__(self, broker_url: str, folder: Path) -> None:
        self.broker_url = broker_url
        self.folder = folder
        self.ran = folder / "ran"
        self.processes: list[subprocess.Popen[str]] = []
        provision_with_users(broker_url, topology({"default": ("dev", "prod")}))

    def deployer(self, script: str, *options: str) -> subprocess.Popen[str]:
        """A deployer that runs a shell script; `$RAN` is a file for it to leave its mark in."""
        broker_url = broker_login(self.broker_url, "deployer") or self.broker_url
        process = subprocess.Popen(
            [*DEPLOYDB, "deployer", *options, "--", "/bin/sh", "-c", script],
            env=os.environ
            | {"DEPLOYDB_BROKER_URL": broker_url, "DEPLOYDB_DATA": str(self.folder), "RAN": str(self.ran)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def command(
        self,
        ident: str,
        *,
        minutes: float | None = 60,
        service: str = "foo",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Publish a deploy command, due in so many minutes; None: without a deadline."""
        artifact = Artifact(group="com.example", name=service, version="1.2.3")
        answer = DeployCommand(
            type="deploy",
            id=ident,
            deployment=1,
            flow=1,
            service=service,
            environment="dev",
            artifact=artifact,
            manifest=(artifact,),
            reason="published",
            attempt=1,
            deadline=datetime.now(UTC) + timedelta(minutes=minutes) if minutes is not None else None,
        )
        self.send(encode_command(answer), ident, headers)

    def send(self, body: bytes, ident: str, headers: dict[str, str] | None = None) -> None:
        """Publish anything to the queue."""
        message = Message(
            exchange=COMMANDS, routing_key="dev.foo.deploy", body=body, message_id=ident, headers=headers or {}
        )
        with open_outbound(self.broker_url, name="tests") as outbound:
            assert outbound.publish([message])[0].state == "confirmed"

    def facts(self, number: int) -> list[dict[str, Any]]:
        """The next facts that the deployer published, acked."""
        return [json.loads(delivery.body) for delivery in self.deliveries(number)]

    def deliveries(self, number: int) -> list[Delivery]:
        """The messages of the next facts, acked."""
        taken: list[Delivery] = []
        deadline = time.monotonic() + DEADLINE_SECONDS
        with open_inbound(self.broker_url, INGEST_QUEUE, name="tests") as inbound:
            while len(taken) < number:
                assert time.monotonic() < deadline, f"{number} facts wanted, these came: {taken}"
                deliveries = inbound.receive(number - len(taken), timedelta(seconds=1))
                inbound.ack(deliveries)
                taken += deliveries
        return taken

    def runs(self) -> list[str]:
        """The marks that scripts have left."""
        return self.ran.read_text().split() if self.ran.exists() else []

    def end(self, process: subprocess.Popen[str], *, by: signal.Signals = signal.SIGTERM) -> tuple[str, str]:
        """Signal it, and return its output."""
        process.send_signal(by)
        out, err = process.communicate(timeout=60)
        if by is not signal.SIGKILL:
            assert process.returncode == 0, err
        return out, err

    def close(self) -> None:
        """Leave nothing running."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def bench(broker_url: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(broker_url, tmp_path)
    yield made
    made.close()


def wait_for(look: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not look():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)
