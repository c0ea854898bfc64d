"""`deploydb simulate` on a store that has lived through a story, on both databases."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from deploydb.configuration import load
from deploydb.domain.model.errors import Permanent, Transient
from deploydb.store.engine import open_engine
from deploydb.store.queries.replay import attempts, read_only
from deploydb.store.tables import event, metadata
from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.scenario import NOON, Scenario

BEGIN = datetime(2020, 3, 2, 12, 0, tzinfo=UTC)


def config(folder: Path, *staging: str) -> Path:
    """foo on dev → staging → prod, with smoke in staging and whatever else."""
    return write_config(
        folder,
        {
            "services/foo.yml": "artifacts: ['com.example:foo']\npipelines: [main]\n",
            "pipelines/main.yml": (
                f"environments:\n  dev:\n  staging:\n    promotions: [{', '.join(('smoke', *staging))}]\n  prod:\n"
            ),
            "environments/dev.yml": "description: first\n",
            "environments/staging.yml": "description: second\n",
            "environments/prod.yml": "description: last\n",
            "promotions/smoke.yml": "type: VerificationPromotion\n",
            "promotions/soak.yml": "type: SoakPromotion\nduration: 2h\n",
            "promotions/people.yml": "type: ManualPromotion\n",
        },
    )


def live(world: Scenario) -> None:
    """1.0 goes through, 1.1 fails in prod half an hour later, 1.2 is fine another half hour later."""
    for version in ("1.0", "1.1", "1.2"):
        world.publish(version)
        world.evaluate()
        world.deploy()
        world.evaluate(minutes=1)
        world.deploy()
        named = {"service": "foo", "environment": "staging", "version": version}
        world.evaluate(minutes=4)
        world.tell("verification.finished", **named, promotion="smoke", outcome="passed")
        world.evaluate()
        world.deploy("failed" if version == "1.1" else "succeeded")
        world.evaluate(minutes=25)


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    config(tmp_path / "config")
    config(tmp_path / "soaked", "soak")
    config(tmp_path / "asked", "people")
    known = load(tmp_path / "config").catalog
    assert known is not None
    with Scenario(database_url, known) as world:
        world.now = BEGIN
        live(world)
    return Shell(tmp_path, DEPLOYDB_DATABASE_URL=database_url)


def simulated(shell: Shell, *arguments: str, code: int = 1) -> Any:
    ended = shell.run("simulate", *arguments, "-o", "json")
    assert (ended.returncode, ended.stderr) == (code, "")
    return json.loads(ended.stdout)


def test_a_soak_delays_one_stops_the_failure_and_delays_the_next(shell: Shell) -> None:
    answer = simulated(shell, "--config", "soaked")
    found = {(one["environment"], one["version"]): one for one in answer["differences"]}
    assert {place: one["decision"] for place, one in found.items()} == {
        ("prod", "1.0"): "later",
        ("prod", "1.1"): "blocked",
        ("prod", "1.2"): "later",
        ("staging", "1.1"): "blocked",
        ("staging", "1.2"): "later",
    }
    assert found["prod", "1.0"]["old_at"] == "2020-03-02T12:05:00+00:00"
    assert found["prod", "1.0"]["new_at"] == "2020-03-02T14:05:00+00:00"
    assert found["prod", "1.0"]["delay_seconds"] == 7200
    assert found["prod", "1.1"]["reason"] == "skipped in staging: superseded by 1.2, a higher version"
    assert found["prod", "1.1"]["stopped"] is True
    assert found["staging", "1.2"]["new_at"] == "2020-03-02T14:05:00+00:00"
    counts = {name: answer[name] for name in ("later", "blocked", "earlier", "released", "unknown", "failures_stopped")}
    assert counts == {"later": 3, "blocked": 2, "earlier": 0, "released": 0, "unknown": 0, "failures_stopped": 1}


def test_for_people_there_is_a_table_and_a_summary(shell: Shell) -> None:
    ended = shell.run("simulate", "--config", "soaked")
    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["DECISION", "SERVICE", "ENVIRONMENT", "VERSION", "BY", "WHY"]
    assert lines[1].split()[:4] == ["blocked", "foo", "prod", "1.1"]
    assert lines[1].endswith("it failed in reality")
    assert "1 failed deployment would not have been made" in ended.stderr
    assert "9 decisions compared: 4 the same, 3 later" in ended.stderr


def test_the_same_configuration_makes_no_difference(shell: Shell) -> None:
    ended = shell.run("simulate", "--config", "config", "--against", "config")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.startswith("no decision differs\n9 decisions compared: 9 the same")
    assert ended.stderr.endswith("\nbaseline: 9 of 9 real commands reproduced\n")


def test_the_unchanged_configuration_is_compared_with_the_real_commands(shell: Shell) -> None:
    baseline = simulated(shell, "--config", "soaked", "--clock", "recorded")["baseline"]
    assert baseline == {
        "commands": 9,
        "reproduced": 9,
        "extra": 0,
        "following": 0,
        "deviating": 0,
        "deviations": [],
    }


def test_of_another_configuration_as_the_baseline_it_says_what_it_does_not_reproduce_and_why(shell: Shell) -> None:
    real = load(shell.folder / "config").catalog
    assert real is not None
    ended = shell.run("simulate", "--config", "soaked", "--against", "soaked", "--clock", "recorded")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.splitlines()[2:] == [
        "baseline: 7 of 9 real commands reproduced, 1 that follow from an earlier deviation",
        "  foo staging 1.1: only in reality: the configuration was another one then, " + real.digest[:12],
    ]
    against = ("--config", "soaked", "--against", "soaked", "--clock", "recorded")
    (one,) = simulated(shell, *against, code=0)["baseline"]["deviations"]
    assert (one["environment"], one["version"], one["attempt"], one["cause"]) == ("staging", "1.1", 1, "catalog")
    assert (one["real_at"], one["baseline_at"]) == ("2020-03-02T12:30:00+00:00", None)


def test_people_who_were_never_asked_have_not_answered(shell: Shell) -> None:
    answer = simulated(shell, "--config", "asked")
    reasons = {one["reason"] for one in answer["differences"] if one["environment"] == "prod"}
    assert {one["decision"] for one in answer["differences"]} == {"unknown"}
    assert reasons == {"under the new rules people was never asked"}


def test_a_command_that_was_given_since_then_counts_though_its_finish_is_dated_before(database_url: str) -> None:
    with Scenario(database_url) as world:
        world.publish("1.0")
        world.evaluate()
        (command,) = world.commands()
        world.tell("deployment.finished", command=command.id, outcome="succeeded", time="2026-11-22T11:59:00Z")
        world.evaluate(minutes=1)
        with read_only(world.engine) as connection:
            found = [one.deployment.id for one in attempts(connection, since=NOON)]
    assert command.deployment in found


def test_of_a_past_that_is_too_long_ago_nothing_is_left(shell: Shell) -> None:
    assert simulated(shell, "--config", "soaked", "--since", "1d", code=0)["same"] == 0


def test_one_service_alone(shell: Shell) -> None:
    assert len(simulated(shell, "--config", "soaked", "--service", "foo")["differences"]) == 5
    assert "has a service bar" in shell.fails("simulate", "--config", "soaked", "--service", "bar", code=2)


def test_it_writes_nothing(shell: Shell, database_url: str) -> None:
    engine = open_engine(database_url, name="tests")
    try:
        before = dump(engine)
        simulated(shell, "--config", "soaked")
        assert dump(engine) == before
    finally:
        engine.dispose()


def test_what_it_reads_through_refuses_a_write_and_who_comes_after_may_write(database_url: str) -> None:
    engine = open_engine(database_url, name="tests")
    delete = sa.delete(event).where(event.c.number < 0)
    try:
        with pytest.raises((Transient, Permanent), match=r"read-?only"), read_only(engine) as connection:
            connection.execute(delete)
        with engine.begin() as connection:
            connection.execute(delete)
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ((), "Missing option '--config'"),
        (("--config", "nowhere"), "nowhere:1:1: there is no such directory"),
        (("--config", "config", "--against", "broken"), "broken/services/foo.yml:2:1: "),
        (("--config", "config", "--since", "soon"), "soon is no length of time"),
    ],
)
def test_what_cannot_be_compared_is_reported_and_is_no_difference(
    tmp_path: Path, arguments: tuple[str, ...], answer: str
) -> None:
    config(tmp_path / "config")
    write_config(tmp_path / "broken", {"services/foo.yml": "artifacts: []\ncolour: red\n"})
    assert answer in Shell(tmp_path).fails("simulate", *arguments, code=2)


def test_a_database_that_is_not_there_is_reported_and_not_made(tmp_path: Path) -> None:
    config(tmp_path / "config")
    answer = Shell(tmp_path).fails("simulate", "--config", "config", code=2)
    assert answer == "deploydb: there is no database deploydb-data/deploydb.db: nothing has happened here yet\n"
    assert not (tmp_path / "deploydb-data").exists()


def dump(engine: sa.Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {table.name: list(connection.execute(sa.select(table))) for table in metadata.sorted_tables}
