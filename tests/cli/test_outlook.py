"""`status` and `why` in a shell: failures, the responses to them, and versions that will not come."""

from pathlib import Path

from deploydb.domain.model.catalog import Service
from tests.cli.conftest import lane, served
from tests.cli.shell import Shell
from tests.scenario import Scenario, catalog


def test_status_shows_the_failure_behind_a_rollback_and_what_will_not_come(sqlite_url: str, tmp_path: Path) -> None:
    foo = Service(
        ident="foo",
        artifacts=("com.example:foo",),
        pipelines=("main",),
        promotions=("smoke",),
        failure_strategy="rollback",
    )
    with Scenario(sqlite_url, catalog(foo)) as world, served(world) as url:
        (tmp_path / "here").mkdir()
        shell = Shell(tmp_path / "here", DEPLOYDB_URL=url)
        for version, outcome in (("1.0", "passed"), ("1.1", "failed")):
            world.publish(version)
            world.evaluate(minutes=1)
            world.deploy()
            world.tell("verification.finished", **lane("dev", version), promotion="smoke", outcome=outcome)
            world.evaluate(minutes=1)
            world.deploy()
        world.tell("incident.detected", service="foo", environment="dev", incident="INC-1")
        world.evaluate()
        output = shell.ok("status").stdout
        assert "1.0 SUCCESS" in output
        assert "✗ 1.1 FAILED" in output
        assert "rolled back to 1.0" in output
        assert "! INC-1 open since" in output
        assert "will not come: failed in dev: smoke failed, " in shell.ok("why", "foo", "prod", "1.1").stdout
        assert "will not come: failed in dev: smoke failed, " in shell.ok("flow", "show", "foo", "1.1").stdout
