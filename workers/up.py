"""The supervisor as a process: all of DeployDB at one place, as `deploydb up` starts it."""

import os
import shlex
import socket
import sys
from collections.abc import Callable, Mapping
from functools import partial
from queue import Empty, Queue
from threading import Thread

import click
from msgspec.structs import replace

from deploydb import __version__
from deploydb.broker.open import provision
from deploydb.broker.topology import topology_of
from deploydb.configuration import LiveCatalog
from deploydb.domain.formatting import listed
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import DeployDBError
from deploydb.domain.unsafe_characters import visible
from deploydb.http.listening import listening, local_url, with_port_of
from deploydb.private_files import narrow
from deploydb.redaction import redacted, shown_url
from deploydb.settings import Settings
from deploydb.store.engine import open_engine
from deploydb.store.schema import migrate
from deploydb.terminal import plain

from .garbage import look_seldom
from .intervals import LOOK_AT_FILES_EVERY_SECONDS, Every
from .lock import held
from .own_token import FILE, line_of_the_person_here
from .service_manager import OF_SYSTEMD
from .signals import Signals
from .stop_deadline import Deadline
from .supervisor import Supervisor

_PROVISION_AGAIN_AFTER_SECONDS = 2.0
PARTS = ("ingest", "promote", "verify", "relay", "notify", "orchestrate", "web")
_TICK_SECONDS = 0.2
_END_WITHIN_SECONDS = 9.0
"""The parts end themselves before, and the supervisor kills what does not."""


def run(settings: Settings, *, inherited: socket.socket | None) -> None:
    """Run all parts until Ctrl-C, on the socket that is inherited or on one of its own.

    Raises: Misconfigured where another one uses the folder, the address is taken, or a part does not start.
    """
    taken = f"another `deploydb up` uses {settings.data}: stop it, or give this one a folder of its own with --data"
    with (
        inherited or listening(settings.listen, setting="--listen") as bound,
        held(settings.data / "up.lock", taken=taken),
    ):
        if not narrow(settings.data):
            _warn("data", f"{settings.data} is open to other users, and not for DeployDB alone: give it one by --data")
        settings = replace(settings, listen=with_port_of(bound, settings.listen))
        not_for_parts = {"DEPLOYDB_LISTEN_FILE", *OF_SYSTEMD}
        environment = {name: value for name, value in os.environ.items() if name not in not_for_parts}
        environment["DEPLOYDB_LISTEN"] = settings.listen
        if not (settings.tokens or settings.tokens_file):
            environment["DEPLOYDB_TOKENS"] = line_of_the_person_here(settings.data)
        signals = Signals()
        signals.install()
        Deadline(signals, say=partial(_warn, "up"), seconds=_END_WITHIN_SECONDS)
        look_seldom()
        _run(settings, environment, signals, bound)


def _run(settings: Settings, environment: Mapping[str, str], signals: Signals, bound: socket.socket) -> None:
    click.echo(f"DeployDB {__version__}", err=True)
    live = LiveCatalog(settings.config)
    _say("config", f"{settings.config}: {_counted(live.catalog)}")
    _warn_of_missing(live)
    _migrate(settings)
    _provision(settings, live.catalog)
    if not (settings.tokens or settings.tokens_file):
        _say("sign in", f"with the token in {settings.data / FILE}")
    supervisor = Supervisor(PARTS, environment=environment, logs=settings.data / "logs", say=_warn, bound=bound)
    try:
        supervisor.start(signals)
        if not signals.stopping:
            for part in supervisor.parts:
                where = f"http://{settings.listen}" if part.name == "web" else "running"
                _say(part.name, f"{where}, log in {settings.data / 'logs' / part.name}.log")
            click.echo(f"Ready: http://{settings.listen}. Ctrl-C stops it.", err=True)
            _say_exports(settings, local_url(bound))
        _watch(signals, supervisor, live, settings)
    finally:
        click.echo("Stopping", err=True)
        supervisor.stop()
    click.echo("Stopped", err=True)


def _watch(signals: Signals, supervisor: Supervisor, live: LiveCatalog, settings: Settings) -> None:
    """Until asked to stop: start again what dies, and have a queue made for each orchestrator that is configured."""
    on_terminal = sys.stderr.isatty()
    files = Every(LOOK_AT_FILES_EVERY_SECONDS)
    reported: tuple[str, ...] = ()
    queues = Queues(partial(_take_up, settings), warn=partial(_warn, "broker"))
    while not signals.stopping:
        supervisor.look_after()
        hung_up = signals.reload_requested()
        if hung_up and on_terminal and not sys.stderr.isatty():
            return  # the terminal that we were started in is gone
        if hung_up:
            supervisor.hang_up()
        if files.due() or hung_up:
            if live.refresh(force=hung_up):
                queues.make(live.catalog)
                _warn_of_missing(live)
            problems = tuple(str(problem) for problem in live.problems)
            if problems != reported:
                reported = problems
                for problem in problems:
                    _warn("config", problem)
                _say("config", "is broken, the last good one stays in force" if problems else "is good again")
        signals.pause(_TICK_SECONDS)


def _take_up(settings: Settings, catalog: Catalog) -> None:
    _provision(settings, catalog)
    _say("config", f"changed: {_counted(catalog)}")


def _migrate(settings: Settings) -> None:
    engine = open_engine(settings.database_url, name="up")
    try:
        taken = migrate(engine)
    finally:
        engine.dispose()
    _say("database", f"{shown_url(settings.database_url)}: {f'migrated to {taken[-1]}' if taken else 'up to date'}")


def _provision(settings: Settings, catalog: Catalog) -> None:
    made = provision(settings.broker_url, topology_of(catalog))
    _say(
        "broker",
        f"{shown_url(settings.broker_url)}: {f'made {len(made)} exchanges and queues' if made else 'all there'}",
    )


def _warn_of_missing(live: LiveCatalog) -> None:
    for problem in live.missing:
        _warn("config", str(problem))
    for ident, incomplete in sorted(live.catalog.incomplete.items()):
        _warn("config", f"{ident} takes no releases: it lacks {listed(incomplete.lacks)}")


def _counted(catalog: Catalog) -> str:
    return f"{len(catalog.services)} services, {len(catalog.environments)} environments"


def _say_exports(settings: Settings, url: str) -> None:
    """What the commands in other terminals need, wherever they are run."""
    own_token = not (settings.tokens or settings.tokens_file)
    needed = {
        "URL": url,
        "DATA": settings.data.absolute() if settings.broker_url.startswith("embedded:") else None,
        "TOKEN_FILE": (settings.data / FILE).absolute() if own_token else None,
    }
    click.echo("In other terminals:", err=True)
    for name, value in needed.items():
        if value is not None:
            click.echo(f"  export DEPLOYDB_{name}={shlex.quote(visible(str(value), keep=''))}", err=True)


def _say(about: str, what: str) -> None:
    click.echo(f"  {about:<11} {what}", err=True)


def _warn(about: str, what: str) -> None:
    click.echo(f"  {about:<11} {click.style(visible(what), fg='yellow')}", file=plain(sys.stderr))


class Queues:
    """Makes the queues of a configuration that has changed, beside the watch.

    A broker that is away or hangs ends nothing: it is tried again, and `warn` is called once with the reason.
    """

    def __init__(self, provision: Callable[[Catalog], None], *, warn: Callable[[str], None]) -> None:
        self._provision = provision
        self._warn = warn
        self._wanted: Queue[Catalog] = Queue()
        Thread(target=self._run, name="queues", daemon=True).start()

    def make(self, catalog: Catalog) -> None:
        """Return at once. It is tried until it is done, or a newer catalog comes."""
        self._wanted.put(catalog)

    def _run(self) -> None:
        catalog: Catalog | None = None
        warned = ""
        while True:
            try:
                catalog = self._wanted.get(timeout=_PROVISION_AGAIN_AFTER_SECONDS)
            except Empty:
                if catalog is None:
                    continue
            try:
                self._provision(catalog)
                catalog, warned = None, ""
            except (DeployDBError, OSError) as error:
                if str(error) != warned:
                    warned = str(error)
                    self._warn(f"not all queues of the changed configuration exist yet: {redacted(warned)}")
