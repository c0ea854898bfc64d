"""A house with an orchestrator that does as versions say, and what tests ask of it: one for all cases of a module."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from deploydb.broker.open import open_inbound
from deploydb.broker.topology import command_queue
from deploydb.domain.model.commands import DeployCommand
from deploydb.wire.native import decode_command
from tests.cluster import Cluster, write_config
from tests.servers import until
from tests.servers.ports import free_port


class Orchestrator(threading.Thread):
    """Deploys at once. A version with `bad` in it fails, `flaky` fails the first time, `hang` is never answered."""

    def __init__(self, house: Cluster) -> None:
        super().__init__()
        self.commands: list[DeployCommand] = []
        self._house = house
        self._over = threading.Event()

    def run(self) -> None:
        with open_inbound(self._house.login("deployer"), command_queue("default"), name="tests") as inbound:
            while not self._over.is_set():
                deliveries = inbound.receive(100, timedelta(seconds=0.1))
                commands = [decode_command(delivery.body) for delivery in deliveries]
                answers = [answer for command in commands if (answer := _answer(command)) is not None]
                if answers:
                    self._house.publish(answers)
                inbound.ack(deliveries)
                self.commands += commands

    def __enter__(self) -> "Orchestrator":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


class Site:
    """What a person and a CI server do with it."""

    def __init__(self, house: Cluster, orchestrator: Orchestrator) -> None:
        self.house = house
        self._orchestrator = orchestrator
        self._ids = count(1)

    def tell(self, what: str, **fields: Any) -> None:
        """One fact."""
        fact = {"type": what, "id": f"{what}-{next(self._ids)}", "source": "tests"}
        self.house.publish([json.dumps(fact | fields).encode()])

    def publish(self, service: str, version: str, *, source: str = "ci", **artifact: str) -> None:
        """A version of the service's module."""
        self.tell(
            "artifact.published",
            source=source,
            artifact={"group": "com.example", "name": service, "version": version} | artifact,
        )

    def run(self, *arguments: str) -> str:
        """What the command line says, data and talk, of a command that must work."""
        ended = self.house.deploydb(*arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout + ended.stderr

    def get(self, *path: str, query: str = "") -> Any:
        """An answer of the query service."""
        url = f"{self.house.environment['DEPLOYDB_URL']}/api/{'/'.join(quote(part) for part in path)}{query}"
        with urlopen(url, timeout=60) as answer:
            return json.load(answer)

    def lane(self, service: str, environment: str) -> dict[str, Any]:
        """A lane of the status."""
        (lane,) = self.get("status", query=f"?service={service}&environment={environment}")["lanes"]
        return dict(lane)

    def runs(self, service: str, environment: str) -> str | None:
        """The version that runs there with success."""
        running = self.lane(service, environment)["running"]
        return next((one["version"] for one in running if one["status"] == "SUCCESS"), None)

    def why(self, service: str, environment: str, version: str) -> str:
        """The answer, with all that the gates say; empty where the version is not known yet."""
        try:
            body = self.get("why", service, environment, query=f"?version={version}")
        except OSError:
            return ""
        gates = [f"{gate['promotion']}: {gate['reason']}" for stage in body["stages"] for gate in stage["gates"]]
        return "\n".join([body["answer"], *gates])

    def await_why(self, service: str, environment: str, version: str, *words: str) -> None:
        """Wait until the answer has all of the words."""
        answer = ""

        def has_them() -> bool:
            nonlocal answer
            answer = self.why(service, environment, version)
            return all(word in answer for word in words)

        try:
            until(has_them)
        except TimeoutError:
            raise AssertionError(f"expected {words}, found:\n{answer}") from None

    def await_running(self, service: str, environment: str, version: str) -> None:
        """Wait until the version runs there with success."""
        what = f"{service} {version} to run in {environment}"
        until(lambda: self.runs(service, environment) == version, what=what)

    def commanded(self, service: str, environment: str) -> list[tuple[str, str, int]]:
        """The commands that came: type, version, attempt."""
        return [
            (one.type, one.artifact.version, one.attempt)
            for one in self._orchestrator.commands
            if (one.service, one.environment) == (service, environment)
        ]


@contextmanager
def site(
    broker_url: str,
    database_url: str,
    config: Path,
    files: dict[str, str],
    *,
    promote_port: int = 0,
    front: str = "query",
    **more: str,
) -> Iterator[Site]:
    """The whole house on a configuration of these files and `more` settings, its query service answering: alone, or as
    part of the worker `front`."""
    listen = f"127.0.0.1:{free_port()}"
    settings = {"DEPLOYDB_LISTEN": listen, "DEPLOYDB_URL": f"http://{listen}"} | more
    with Cluster(broker_url, database_url, write_config(config, files), **settings) as house:
        house.furnish()
        for worker in ("ingest", "relay", front):
            house.start(worker)
        house.start("promote", port=promote_port)
        with Orchestrator(house) as orchestrator:
            made = Site(house, orchestrator)
            until(lambda: _answers(made), what="the query service to answer")
            yield made


def service(name: str, pipeline: str, more: str = "") -> dict[str, str]:
    """The file of a service with one module of its name. Tests share a site, in whatever order: what is published later
    is newer."""
    keys = f"artifacts: [com.example:{name}]\npipelines: [{pipeline}]\norder: published\n"
    return {f"services/{name}.yml": keys + more}


def _answer(command: DeployCommand) -> bytes | None:
    version = command.artifact.version
    if "hang" in version:
        return None
    fails = "bad" in version or ("flaky" in version and command.attempt == 1)
    fact = {"type": "deployment.finished", "id": command.id, "source": "tests", "command": command.id}
    answer = {"outcome": "failed", "reason": "out of memory"} if fails else {"outcome": "succeeded"}
    return json.dumps(fact | answer).encode()


def _answers(made: Site) -> bool:
    try:
        return bool(made.get("status"))
    except OSError:
        return False
