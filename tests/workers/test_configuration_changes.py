"""A change of the configuration: noted in the log, shown by the command line, and followed by what is in flight."""

import json
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from deploydb.domain.model.admission_reasons import StageRemoved
from deploydb.store.tables import deployment, event
from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.workers.in_process import CONFIG, InProcess, published, until

CANARY = {
    "pipelines/main.yml": "environments:\n  dev:\n  canary:\n  prod:\n",
    "environments/canary.yml": "description: A few\n",
}
PLAIN = {"pipelines/main.yml": "environments:\n  dev:\n  prod:\n"}


def changes(workshop: InProcess) -> int:
    return len(workshop.rows(sa.select(event.c.number).where(event.c.type == "configuration.changed")))


def stages(workshop: InProcess) -> set[str]:
    return {row.environment for row in workshop.rows(sa.select(deployment.c.environment))}


def test_a_change_that_is_taken_back_is_in_the_log_and_loses_no_release(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    workshop.publish(published("1.0"))
    until(lambda: stages(workshop) == {"dev", "prod"}, "the flow is open")
    between = datetime.now(UTC)
    write_config(workshop.config, CANARY)
    until(lambda: stages(workshop) == {"dev", "canary", "prod"}, "the flow has the new stage")
    write_config(workshop.config, PLAIN)
    until(lambda: changes(workshop) == 3, "the change is taken back")
    waits = sa.select(deployment.c.status_reason).where(deployment.c.environment == "canary")
    removed = StageRemoved(environment="canary", service="foo")
    until(lambda: [row.status_reason for row in workshop.rows(waits)] == [removed], "it waits for its stage")
    shell = Shell(workshop.config.parent, DEPLOYDB_DATABASE_URL=workshop.settings.database_url)
    shown = json.loads(shell.ok("config", "show", "--at", between.isoformat(), "-o", "json").stdout)
    assert shown["files"]["pipelines/main.yml"] == PLAIN["pipelines/main.yml"]
    assert "environments/canary.yml" not in shown["files"]
    now = shell.ok("config", "show", "environments/canary.yml")
    assert "description: A few" in now.stdout
    shell.ok("config", "show", "--at", between.isoformat(), "--to", "before")
    assert "no problems" in shell.ok("check-config", "before").stderr
    assert "exists" in shell.fails("config", "show", "--to", "before")
    assert "did you mean pipelines/main.yml?" in shell.fails("config", "show", "pipelines/man.yml")
    assert "no configuration was in force" in shell.fails("config", "show", "--at", "5d")


def test_the_releases_that_a_change_would_affect_are_listed_before_it(workshop: InProcess, tmp_path: Path) -> None:
    workshop.start("ingest", "promote")
    workshop.publish(published("1.0"))
    until(lambda: stages(workshop) == {"dev", "prod"}, "the flow is open")
    shell = Shell(workshop.config.parent, DEPLOYDB_DATABASE_URL=workshop.settings.database_url)
    same = shell.ok("check-config", str(workshop.config), "--against-live")
    assert (same.stdout, same.stderr.splitlines()[-1]) == ("", "in flight: 0 releases affected")
    shorter = {"pipelines/main.yml": "environments:\n  dev:\n"}
    other = write_config(tmp_path / "other", CONFIG | shorter)
    ended = shell.ok("check-config", str(other), "--against-live")
    assert "no pipeline has prod" in ended.stdout.splitlines()[0]
    assert [line.split(maxsplit=3) for line in ended.stdout.splitlines()][2:] == [
        ["foo", "prod", "1.0", "waits: prod is not a stage of foo"]
    ]
    assert ended.stderr.splitlines()[-1] == "in flight: 1 release affected"
    simulated = shell.run("simulate", "--config", str(other), "--against", str(workshop.config), "-o", "json")
    assert [one["effect"] for one in json.loads(simulated.stdout)["in_flight"]] == ["waits: prod is not a stage of foo"]
    assert changes(workshop) == 1


RENAMED = {
    "pipelines/main.yml": "environments:\n  dev:\n  production:\n",
    "environments/production.yml": "description: Production\nrenamed_from: prod\n",
}


def rename(workshop: InProcess) -> None:
    """As a commit of the configuration does: the old file is gone."""
    (workshop.config / "environments/prod.yml").unlink()
    write_config(workshop.config, RENAMED)


def take_back(workshop: InProcess) -> None:
    (workshop.config / "environments/production.yml").unlink()
    write_config(workshop.config, CONFIG)


def test_a_renamed_environment_goes_on_under_its_new_name_and_back(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    workshop.publish(published("1.0"))
    until(lambda: stages(workshop) == {"dev", "prod"}, "the flow is open")
    between = datetime.now(UTC)
    before = {row.id for row in workshop.rows(sa.select(deployment.c.id))}
    rename(workshop)
    until(lambda: stages(workshop) == {"dev", "production"}, "the environment is renamed")
    assert {row.id for row in workshop.rows(sa.select(deployment.c.id))} == before
    shell = Shell(workshop.config.parent, DEPLOYDB_DATABASE_URL=workshop.settings.database_url)
    shown = json.loads(shell.ok("config", "show", "--at", between.isoformat(), "-o", "json").stdout)
    assert "environments/prod.yml" in shown["files"]
    assert "renamed_from: prod" in shell.ok("config", "show", "environments/production.yml").stdout
    workshop.publish(published("1.1"))
    until(lambda: len(workshop.rows(sa.select(deployment.c.id))) == 4, "the next release is on its way")
    assert stages(workshop) == {"dev", "production"}
    take_back(workshop)
    until(lambda: stages(workshop) == {"dev", "prod"}, "it is taken back")
    assert len(workshop.rows(sa.select(deployment.c.id))) == 4


def test_what_a_rename_carries_along_is_announced(workshop: InProcess, tmp_path: Path) -> None:
    workshop.start("ingest", "promote")
    workshop.publish(published("1.0"))
    until(lambda: stages(workshop) == {"dev", "prod"}, "the flow is open")
    shell = Shell(workshop.config.parent, DEPLOYDB_DATABASE_URL=workshop.settings.database_url)
    other = write_config(tmp_path / "other", CONFIG | RENAMED)
    assert "prod is still an environment" in shell.run("check-config", str(other)).stdout, "the old file is still there"
    (other / "environments/prod.yml").unlink()
    shown = shell.ok("check-config", str(other), "--against-live")
    assert shown.stdout == "prod becomes production: 1 lane, 1 deployment\n"
    assert shown.stderr.splitlines()[-1] == "in flight: 0 releases affected"
    simulated = shell.ok("simulate", "--config", str(other), "--against", str(workshop.config), "-o", "json")
    body = json.loads(simulated.stdout)
    assert (body["differences"], body["in_flight"]) == ([], [])
    rename(workshop)
    until(lambda: stages(workshop) == {"dev", "production"}, "the environment is renamed")
    for old, new in ((CONFIG, other), (other, CONFIG)):
        folders = [one if isinstance(one, Path) else write_config(tmp_path / "before", one) for one in (old, new)]
        again = shell.ok("simulate", "--config", str(folders[1]), "--against", str(folders[0]), "-o", "json")
        assert (json.loads(again.stdout)["differences"], json.loads(again.stdout)["in_flight"]) == ([], [])
