"""The command line, asked for an environment that had another name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.contract.renames import configure, through
from tests.scenario import Scenario

AFTER = through("dev", "production", renamed={"production": ("prod",)})


@pytest.fixture
def renamed(sqlite_url: str, tmp_path: Path) -> Iterator[Shell]:
    """1.0 ran in prod before it was called production."""
    with Scenario(sqlite_url, through("dev", "prod")) as world:
        configure(world, world.catalog)
        world.publish("1.0")
        world.evaluate(minutes=1)
        world.deploy()
        world.deploy()
        configure(world, AFTER)
        with served(world) as address:
            yield Shell(tmp_path, DEPLOYDB_URL=address, DEPLOYDB_DATABASE_URL=sqlite_url)


def test_the_time_before_is_shown_under_the_new_name_and_the_old_one_is_explained(renamed: Shell) -> None:
    assert "1.0" in renamed.ok("history", "foo", "production").stdout
    assert "production" in renamed.ok("where", "1.0").stdout
    assert "prod is now production" in renamed.fails("history", "foo", "prod")
    assert "prod is now production" in renamed.fails("why", "foo", "prod")
    changes = renamed.ok("events", "--type", "configuration.changed").stdout
    assert "prod is now production" in changes
    known = renamed.json("events", "--environment", "prod")
    assert {one["environment"] for one in known["events"]} == {"production"}
    assert "renamed_from: [prod]" in renamed.ok("config", "show", "environments/production.yml").stdout
