"""`deploydb tour`: one release walks to prod before your eyes, through the same doors that everybody uses.

The tour starts `deploydb up` and a deployer, publishes an artifact, runs the smoke test and approves where the pipeline
waits for it, each by the command that a team would use, and prints the log as it grows.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

import click

from deploydb.cli.output import details, show_styled
from deploydb.configuration import load
from deploydb.domain.model.catalog import Service
from deploydb.domain.model.errors import Misconfigured, NotFound, Permanent, Transient
from deploydb.domain.suggestions import suggestion
from deploydb.domain.unsafe_characters import in_one_line
from deploydb.http.listening import listening, local_url, with_port_of
from deploydb.settings import Settings, from_environment

EXAMPLE = Path("deploy/example")
START_SECONDS = 60.0
WALK_SECONDS = 180.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.2

_Process = subprocess.Popen[bytes]
_opener = build_opener(ProxyHandler({}))


@click.command(short_help="Start DeployDB here and walk a release to prod.")
@click.option("--once", is_flag=True, help="Stop when the release has arrived, instead of serving on.")
@click.option("--listen", metavar="HOST:PORT", help="Where page and API listen; by default as DEPLOYDB_LISTEN says.")
@click.option("--service", help="The configured service to release; by default the first one.")
def tour(once: bool, listen: str | None, service: str | None) -> None:
    """Start DeployDB here, walk a release through its pipeline to the end, and say what happens as it happens.

    Run it in a clone of DeployDB: it uses the configuration in config/ and the scripts in deploy/example/.

    \b
    Example:
      deploydb tour --once
    """
    settings = from_environment()
    if not EXAMPLE.is_dir():
        raise Misconfigured(f"no {EXAMPLE} here: run the tour in a clone of DeployDB")
    loaded = load(settings.config)
    if loaded.catalog is None:
        raise Misconfigured("\n".join(str(problem) for problem in loaded.problems))
    catalog = loaded.catalog
    chosen = catalog.services.get(service) if service else next(iter(catalog.services.values()), None)
    if chosen is None:
        raise NotFound(f"no service {service} in {settings.config}{suggestion(service or '', catalog.services)}")
    with ExitStack() as running:
        # SIGTERM ends the tour and what it has started
        before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
        running.callback(signal.signal, signal.SIGTERM, before)
        # ours to the end of the tour: what answers there is what the tour has started
        address = listen or settings.listen
        bound = running.enter_context(listening(address, setting="--listen"))
        url = local_url(bound)
        click.echo(f"Uses {settings.config} and {settings.data}; DEPLOYDB_CONFIG and DEPLOYDB_DATA name other folders.")
        up = _start(running, ["up", "--listen", with_port_of(bound, address)], bound)
        _until_ready(up, url)
        deployer = _start(running, ["deployer", "--orchestrator", "default", "--", str(EXAMPLE / "deploy.sh")])
        release = _Release(chosen, catalog.stages(chosen)[-1].environment, url, (up, deployer))
        release.walk()
        _run(["status"], url)
        if once:
            return
        click.echo(f"\nDeployDB serves on {url} (sign in with the token in {settings.data / 'token'}).")
        if url != Settings().url:
            click.echo(f"In other shells: export DEPLOYDB_URL={url}")
        click.echo("Stop it with Ctrl-C.")
        try:
            while up.poll() is None:
                time.sleep(1)
        except KeyboardInterrupt:
            click.echo("\nStopping.")
            return
        raise Transient("DeployDB has ended: see the lines above")


class _Release:
    """One version on its way, and the team around it, for as long as the `processes` live."""

    def __init__(self, service: Service, last: str, url: str, processes: tuple[_Process, ...]) -> None:
        self.service = service
        self.last = last
        self.url = url
        self._processes = processes
        self.version = f"{datetime.now(UTC):%Y.%m%d.%H%M%S}"
        self._seen: set[int] = {event["number"] for event in self._events()}
        self._answered: set[tuple[int, str]] = set()

    def walk(self) -> None:
        """Publish, then answer what the pipeline asks until the version has arrived.

        Raises: Transient where it has not within a few minutes; what it waits for has been printed. Permanent where one
        of the processes has ended.
        """
        _run(["publish", "artifact", self.service.artifacts[0], self.version, "--source", "tour"], self.url)
        deadline = time.monotonic() + WALK_SECONDS
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self._processes):
                raise Permanent("DeployDB or its deployer has ended: see the lines above")
            self._tell()
            why = self._get(f"/api/why/{quote(self.service.ident)}/{self.last}?version={self.version}")
            if why is not None:
                if why["stages"][-1]["status"] == "SUCCESS":
                    self._tell()
                    click.echo()
                    return
                for stage in why["stages"]:
                    self._answer(stage)
            time.sleep(POLL_SECONDS)
        _run(["why", self.service.ident, self.last, self.version], self.url)
        raise Transient(f"{self.version} has not arrived in {self.last} within {WALK_SECONDS:.0f} s")

    def _answer(self, stage: dict[str, Any]) -> None:
        for gate in stage["gates"]:
            asked = (stage["deployment"], gate["promotion"])
            if stage["status"] != "COMPLETED" or gate["verdict"] != "PENDING" or asked in self._answered:
                continue
            lane = [self.service.ident, stage["environment"], self.version]
            if gate["reason"]["code"] == "awaiting_approval":
                self._answered.add(asked)
                _run(["approve", *lane, "--promotion", gate["promotion"], "--by", "alice", "--comment", "go"], self.url)
            elif gate["type"] == "VerificationPromotion":
                self._answered.add(asked)
                passed = subprocess.run([EXAMPLE / "smoke.sh", *lane], check=False).returncode == 0  # noqa: S603
                outcome = ["--promotion", gate["promotion"], "--outcome", "passed" if passed else "failed"]
                _run(["publish", "verification", *lane, *outcome], self.url)

    def _tell(self) -> None:
        for event in sorted(self._events(), key=lambda event: int(event["number"])):
            if event["number"] not in self._seen:
                self._seen.add(event["number"])
                show_styled(_sentence(event))

    def _events(self) -> list[dict[str, Any]]:
        answer = self._get("/api/events?perPageSize=100")
        return answer["events"] if answer else []

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            with _opener.open(f"{self.url}{path}", timeout=5) as answer:
                body: dict[str, Any] = json.load(answer)
                return body
        except (OSError, HTTPException):  # not there yet, or being restarted: asked again in a moment
            return None


def _sentence(event: dict[str, Any]) -> str:
    body = event["body"]
    at = datetime.fromisoformat(event["recordedAt"]).astimezone().strftime("%H:%M:%S")
    where = " → ".join(name for name in (event["service"], event["environment"]) if name)
    version = body.get("version") or body.get("artifact", {}).get("version", "")
    detail = ": ".join(details(event))
    words = [in_one_line(word) for word in (f"{event['type']:<22}", where, version, detail) if word]
    return "  ".join((click.style(at, dim=True), *words))


def _run(arguments: list[str], url: str) -> None:
    """A command of the team's, shown as it would be typed."""
    show_styled(click.style(f"$ deploydb {shlex.join(arguments)}", bold=True))
    command = [sys.executable, "-m", "deploydb", *arguments]
    # the command asks the tour's own DeployDB, by no proxy
    kept = {name: value for name, value in os.environ.items() if name != "DEPLOYDB_URL_FILE"}
    ended = subprocess.run(command, check=False, env=kept | {"DEPLOYDB_URL": url, "no_proxy": "*"})  # noqa: S603
    if ended.returncode:
        raise Permanent(f"`deploydb {arguments[0]}` ended with {ended.returncode}: see the line above")


def _start(running: ExitStack, arguments: list[str], bound: socket.socket | None = None) -> _Process:
    """A process of DeployDB's, for as long as the tour lasts; stopped as Ctrl-C would stop it. It inherits `bound`."""
    show_styled(click.style(f"$ deploydb {shlex.join(arguments)} &", bold=True))
    quiet = os.environ | {"DEPLOYDB_LOG_LEVEL": "warning"}
    fds = (bound.fileno(),) if bound is not None else ()
    inherits = [f"--listen-fd={fd}" for fd in fds]
    command = [sys.executable, "-m", "deploydb", *arguments, *inherits]
    process = subprocess.Popen(command, env=quiet, start_new_session=True, pass_fds=fds)  # noqa: S603

    def stop() -> None:
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    running.callback(stop)
    return process


def _until_ready(up: _Process, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if up.poll() is not None:
            raise Permanent("`deploydb up` has not started: see the lines above")
        try:
            with _opener.open(f"{url}/readyz", timeout=1):
                return
        except OSError:
            time.sleep(POLL_SECONDS)
    raise Transient(f"nothing is ready on {url} after {START_SECONDS:.0f} s: see the lines above")
