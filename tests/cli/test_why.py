"""`why` on each database: what would release a version, and when."""

from datetime import time
from pathlib import Path

from deploydb.domain.calendar.window import Window
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.window import WindowPromotion
from deploydb.domain.model.catalog import After, Stage
from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.scenario import Scenario, catalog

GO = ManualPromotion(ident="go", groups=("sre",))
OFFICE = WindowPromotion(ident="office-hours", zone="UTC", allow=(Window(days=(1,), start=time(9), end=time(17)),))
STAGES = (
    Stage(environment="staging", promotions=("soak", "go")),
    Stage(environment="prod", after=After(environments=("staging",))),
)


def test_one_approval_and_a_soak_until_a_window_opens_on_tuesday(database_url: str, tmp_path: Path) -> None:
    known = catalog(
        stages=STAGES,
        promotions=(GO, OFFICE),
        entry={"prod": ("office-hours",)},
        groups={"sre": frozenset({"bob"})},
    )
    with Scenario(database_url, known) as world:
        world.publish("1.4.0")
        world.evaluate()
        (command,) = world.deploy()
        world.tell("verification.finished", deployment=command.deployment, promotion="smoke", outcome="passed")
        world.evaluate(minutes=30)
        with served(world) as url:
            shell = Shell(tmp_path, DEPLOYDB_URL=url)
            answer, releasing, *_ = shell.ok("why", "foo", "prod").stdout.splitlines()
            earlier = shell.ok("why", "foo", "prod", "--at", "2026-11-22T12:10:00Z").stdout.splitlines()[0]
    assert answer == "1.4.0 is not in prod: in staging it soaks for 2h, until 2026-11-22 14:00:00 UTC (soak)"
    assert releasing == (
        "It needs one approval of sre, and 1h30m of soak: earliest 09:00 Tuesday 24 Nov (UTC), when office-hours opens"
    )
    assert earlier == (
        "As known at 2026-11-22T12:10:00+00:00: 1.4.0 is not in prod: "
        "in staging it waits for smoke to report; soaks once smoke passed (soak)"
    )
