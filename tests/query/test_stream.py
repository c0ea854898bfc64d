"""Following the log, over a real socket."""

import http.client
import json
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.query.test_process import Process, migrate_at
from tests.scenario import Scenario
from tests.servers.process import BUSY


class Listener:
    """Reads what comes; waits for each at most a minute."""

    def __init__(self, address: str, query: str = "", **headers: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        self._connection.request("GET", f"/api/stream{query}", headers=headers)
        self.answer = self._connection.getresponse()

    def next(self) -> dict[str, Any]:
        """The data of the next event, with its id and name."""
        output: dict[str, Any] = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if name == "data":
                output |= json.loads(value)
            elif name in ("id", "event"):
                output[f"sse_{name}"] = value
            elif not line and "revision" in output:
                return output

    def at_end(self) -> bool:
        """Whether the service has ended it."""
        return all(not line.strip() for line in iter(self.answer.readline, b""))

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def process(database_url: str, tmp_path: Path) -> Iterator[Process]:
    migrate_at(database_url)
    process = Process(tmp_path, database_url)
    yield process.ready()
    process.end()


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        yield world


def test_a_listener_gets_what_is_added_and_whom_it_is_about(process: Process, world: Scenario) -> None:
    world.publish("1.0")
    with closing(Listener(process.address)) as listener:
        assert listener.answer.getheader("content-type") == "text/event-stream; charset=utf-8"
        first = listener.next()
        assert (first["changes"], first["sse_event"]) == ([], "change")
        world.evaluate()
        output = listener.next()
        assert output["revision"] > first["revision"]
        assert (output["services"], output["environments"]) == (["foo"], ["dev"])
        assert [(one["type"], one["version"]) for one in output["changes"]] == [
            ("flow.opened", "1.0"),
            ("deployment.requested", "1.0"),
        ]
        assert output["sse_id"] == str(output["changes"][-1]["number"])


def test_it_can_be_narrowed_and_taken_up_again(process: Process, world: Scenario) -> None:
    world.publish("1.0")
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", reason="launch")
    with closing(Listener(process.address, "?environment=dev")) as listener:
        listener.next()
        world.tell("hold.lifted", kind="freeze", environment="prod", by="alice")
        world.evaluate()
        answer = listener.next()
        assert answer["environments"] == ["dev"]
    with closing(Listener(process.address, **{"Last-Event-ID": "1"})) as listener:
        assert [one["type"] for one in listener.next()["changes"]][:2] == ["hold.placed", "hold.lifted"]


def test_what_is_no_id_is_refused(process: Process) -> None:
    with closing(Listener(process.address, **{"Last-Event-ID": "soon"})) as listener:
        assert listener.answer.status == 400


def test_a_stop_ends_it_at_once(process: Process) -> None:
    with closing(Listener(process.address)) as listener:
        listener.next()
        process.process.send_signal(signal.SIGTERM)
        assert listener.at_end()
        assert process.process.wait(timeout=3 * BUSY) == 0
