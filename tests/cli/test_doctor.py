"""`doctor`: what is seen of each part, what to do, and the exit code."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploydb import __version__
from deploydb.broker.open import open_inbound, provision
from deploydb.broker.topology import command_queue, topology
from deploydb.store import orchestrator_runs
from deploydb.store.engine import open_engine
from deploydb.store.orchestrator_runs import TakenCommand
from tests.cli.conftest import served
from tests.cli.shell import Queue, Shell
from tests.scenario import Scenario

CONFIG = str(Path(__file__).parents[2] / "config")
WANTED = topology({"default": ("dev", "staging", "prod")})

DEFAULT = command_queue("default")

Findings = dict[str, dict[str, Any]]


@pytest.fixture
def house(shell: Shell, queue: Queue, sqlite_template: Path, tmp_path: Path) -> Iterator[Shell]:
    """A shell with every part beside it: configuration, database, broker, query service."""
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'deploydb.db')}"
    provision(queue.url, WANTED)
    shell.environment |= {"DEPLOYDB_CONFIG": CONFIG, "DEPLOYDB_DATABASE_URL": url}
    orchestrator = open_inbound(queue.url, DEFAULT, name="tests")
    with orchestrator, Scenario(url) as world, served(world) as address:
        shell.environment["DEPLOYDB_URL"] = address
        yield shell


def examined(shell: Shell, *, code: int) -> Findings:
    """The findings by what they are about."""
    ended = shell.run("doctor", "-o", "json")
    assert ended.returncode == code, ended.stdout
    return {one["check"]: one for one in json.loads(ended.stdout)}


def states(findings: Findings) -> set[str]:
    return {one["state"] for one in findings.values()}


def test_where_all_is_well_every_line_is_ok(house: Shell) -> None:
    findings = examined(house, code=0)
    assert states(findings) == {"ok"}
    assert list(findings) == [
        "settings",
        "configuration",
        "database",
        "migrations",
        "rights",
        "clock of the database",
        "outbox",
        "evaluations",
        "set aside",
        "unmatched facts",
        "clocks of sources",
        "contradictions",
        "duplicates",
        "starved lanes",
        "broker",
        "exchanges and queues",
        "dead letters",
        "waiting for ingest",
        "command queues",
        "query service",
        "clock of the query service",
    ]
    assert findings["query service"]["seen"].endswith(f"answers, version {__version__}")
    assert house.ok("doctor").stdout.splitlines()[1].startswith("ok     settings")


def test_where_nothing_is_it_says_how_to_begin(shell: Shell) -> None:
    findings = examined(shell, code=1)
    assert [findings[part]["state"] for part in ("configuration", "database", "broker")] == ["warn"] * 3
    assert "DEPLOYDB_DATABASE_URL" in findings["database"]["advice"]
    assert findings["query service"]["state"] == "fail"
    assert not (shell.folder / "deploydb-data").exists()


def test_parts_that_were_named_and_are_not_there_fail(house: Shell) -> None:
    house.environment |= {
        "DEPLOYDB_CONFIG": "nowhere",
        "DEPLOYDB_DATABASE_URL": "sqlite:///nowhere.db",
        "DEPLOYDB_BROKER_URL": "embedded:nowhere.broker",
    }
    findings = examined(house, code=1)
    assert [findings[part]["state"] for part in ("configuration", "database", "broker")] == ["fail"] * 3
    assert findings["outbox"]["state"] == "ok"  # as the query service sees it
    assert not (house.folder / "nowhere.db").exists()


def test_a_setting_that_cannot_be_read_is_reported_alone(shell: Shell) -> None:
    shell.environment["DEPLOYDB_BROKER_URL_FILE"] = "nowhere"
    (only,) = examined(shell, code=1).values()
    assert (only["check"], only["state"]) == ("settings", "fail")
    assert "DEPLOYDB_BROKER_URL_FILE: cannot read nowhere" in only["seen"]


def test_a_tokens_file_that_is_broken_is_a_failure_with_its_line(house: Shell, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    house.environment["DEPLOYDB_TOKENS_FILE"] = str(tokens)
    tokens.write_text(house.ok("token", "alice").stderr)
    assert examined(house, code=0)["tokens"]["seen"] == "1 of people and programs"
    tokens.write_text("# people\nalice read\n")
    broken = examined(house, code=1)["tokens"]
    assert broken["state"] == "fail"
    assert broken["seen"].startswith(f"{tokens}, line 2:")


def test_a_broken_configuration_is_reported_with_its_place(house: Shell) -> None:
    (house.folder / "broken" / "services").mkdir(parents=True)
    (house.folder / "broken" / "services" / "shop.yml").write_text("artifacts: 3\n")
    house.environment["DEPLOYDB_CONFIG"] = "broken"
    findings = examined(house, code=1)
    assert findings["configuration"]["state"] == "fail"
    assert "shop.yml:1:" in findings["configuration"]["seen"]
    assert (findings["starved lanes"]["state"], findings["starved lanes"]["seen"]) == (
        "warn",
        "not checked: no configuration",
    )
    assert findings["unmatched facts"]["seen"].endswith("promotions not checked: no configuration")


def test_what_a_service_lacks_is_a_warning(house: Shell) -> None:
    (house.folder / "some" / "services").mkdir(parents=True)
    (house.folder / "some/services/shop.yml").write_text("artifacts: [a:b]\npipelines: [main]\n")
    house.environment["DEPLOYDB_CONFIG"] = "some"
    found = house.run("doctor", "-o", "json").stdout
    assert "shop takes no releases: it lacks pipeline main" in found


def test_a_database_without_a_schema_is_to_be_migrated(house: Shell) -> None:
    (house.folder / "empty.db").touch()
    house.environment["DEPLOYDB_DATABASE_URL"] = "sqlite:///empty.db"
    findings = examined(house, code=1)
    assert (findings["database"]["state"], findings["migrations"]["state"]) == ("ok", "fail")
    assert "deploydb db migrate" in findings["migrations"]["advice"]


def test_what_waits_too_long_is_reported_with_the_worker_that_should_do_it(house: Shell) -> None:
    with Scenario(house.environment["DEPLOYDB_DATABASE_URL"]) as world:
        world.now = datetime.now(UTC) - timedelta(minutes=3)
        world.publish("1.0")
        world.evaluate()
        world.now = datetime.now(UTC) - timedelta(minutes=30)
        world.publish("1.1")
    findings = examined(house, code=1)
    assert (findings["outbox"]["state"], findings["evaluations"]["state"]) == ("warn", "fail")
    assert "`relay`" in findings["outbox"]["advice"]
    assert "`promote`" in findings["evaluations"]["advice"]
    assert findings["outbox"]["seen"].startswith("1 wait, the oldest for 3m")


def test_a_tool_that_does_not_answer_well_is_a_warning(house: Shell) -> None:
    engine = open_engine(house.environment["DEPLOYDB_DATABASE_URL"], name="tests")
    now = datetime.now(UTC)
    taken = TakenCommand(command="c-1", orchestrator="jenkins", deployment=1, body="{}")
    orchestrator_runs.add(engine, [taken], now)
    (leased,) = orchestrator_runs.lease(engine, "jenkins", now, limit=1, duration=timedelta(minutes=1))
    assert orchestrator_runs.change(engine, leased, now, due_at=now, failures=3, problem="answered 503")
    engine.dispose()
    finding = examined(house, code=0)["orchestrator jenkins"]
    assert (finding["state"], finding["seen"]) == ("warn", "3 failures for the command c-1: answered 503")
    assert "orchestrators/jenkins.yml" in finding["advice"]


def test_queues_that_are_missing_and_dead_letters_are_reported(house: Shell, queue: Queue) -> None:
    provision(queue.url, topology({}))
    house.environment["DEPLOYDB_BROKER_URL"] = f"embedded:{house.folder / 'other.db'}"
    provision(house.environment["DEPLOYDB_BROKER_URL"], topology({}))
    findings = examined(house, code=1)
    missing = findings["queue deploydb.commands.default"]
    assert (missing["state"], "deploydb broker provision" in missing["advice"]) == ("fail", True)
    assert findings["dead letters"]["state"] == "ok"


class Impostor(BaseHTTPRequestHandler):
    """A query service of another version, whose clock is an hour behind."""

    def do_GET(self) -> None:
        """The interface's document, as far as it matters."""
        body = json.dumps({"info": {"version": "99.0"}}).encode()
        self.send_response_only(200)
        self.send_header("Date", format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@contextmanager
def impostor() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Impostor) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_another_version_is_a_warning_and_another_time_a_failure(house: Shell) -> None:
    with impostor() as url:
        house.environment["DEPLOYDB_URL"] = url
        findings = examined(house, code=1)
    assert findings["query service"]["state"] == "warn"
    assert f"version 99.0; this command line is {__version__}" in findings["query service"]["seen"]
    clock = findings["clock of the query service"]
    assert clock["state"] == "fail"
    assert clock["seen"].endswith(" s behind ours")
    assert 3590 < float(clock["seen"].split()[0]) < 3610


def test_the_broker_is_provisioned_without_access_to_the_tokens_file(house: Shell) -> None:
    house.environment["DEPLOYDB_TOKENS_FILE"] = "/not/readable"
    assert "everything is there" in house.ok("broker", "provision").stderr
    assert examined(house, code=1)["tokens"]["seen"] == (
        "DEPLOYDB_TOKENS_FILE: cannot read /not/readable: No such file or directory"
    )
