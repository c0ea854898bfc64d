"""The store of every revision, with the rows of its time, is brought up to date and goes on working."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from deploydb.store.revision_impact import IMPACTS
from deploydb.store.schema import migrate, require_current
from deploydb.store.tables import deployment, event, live_interval
from tests.contract.folding import differences
from tests.scenario import Scenario
from tests.upgrade.old_store import STORES, make_store

RECORDED = sorted(path.stem for path in STORES.glob("*.json"))
INCOMPLETE_LOG = "0001"
"""The only revision whose log does not have everything that decisions have changed."""
LOOKED_UP_WHILE_EVALUATED = {"deployment": "finished_known_at", "verification": "recorded_at"}
"""A column that a revision has filled for deployments that were still evaluated alone."""


def test_each_revision_of_the_main_line_has_a_store() -> None:
    never_newest = {"0012", "0013", "0014", "0016", "0017"}
    newest = max(IMPACTS)
    assert {*RECORDED, *never_newest, newest} == IMPACTS.keys(), "run record_store.py with the code before the newest"


@pytest.mark.parametrize("revision", RECORDED)
def test_an_old_store_keeps_its_rows_adds_up_to_its_log_and_goes_on(empty_url: str, revision: str) -> None:
    engine = make_store(empty_url, revision)
    before = _lasting(engine)
    assert migrate(engine) == [name for name in IMPACTS if name > revision]
    require_current(engine)
    assert _lasting(engine) == before
    if revision != INCOMPLETE_LOG:
        found = {
            name: [one for one in rows if not _forgotten(name, *one)] for name, rows in differences(engine).items()
        }
        assert {name: rows for name, rows in found.items() if rows} == {}
    engine.dispose()
    with Scenario(empty_url) as world:
        world.now = max(row.recorded_at for row in world.rows(event))
        assert _standing(world) == [("1.3", "dev", "STARTED"), ("1.3", "prod", "NOT_STARTED")]
        (under_way,) = (row for row in world.rows(deployment) if row.status == "STARTED")
        world.now += timedelta(minutes=1)
        world.tell("deployment.finished", command=under_way.command, outcome="succeeded")
        world.evaluate()
        world.tell("verification.finished", deployment=under_way.id, promotion="smoke", outcome="passed")
        world.evaluate(minutes=1)
        assert world.statuses("1.3") == {"dev": "SUCCESS", "prod": "NOT_STARTED"}  # prod has a pin
        world.tell("hold.lifted", kind="pin", service="foo", environment="prod", by="ann", reason="done")
        world.evaluate(minutes=1)
        assert [(one.environment, one.artifact.version) for one in world.deploy()] == [("prod", "1.3")]
        live = [row for row in world.rows(live_interval) if row.environment == "prod"]
        assert live[-1].deployment_id == max(row.deployment_id for row in live)


def _forgotten(table: str, _key: object, ours: Any, log: Any) -> bool:
    """Whether the row lacks only what revisions do not look up: see `LOOKED_UP_WHILE_EVALUATED`; a hold that ended
    before revision 0007 has no row."""
    if table == "hold" and ours is None:
        return not log.placed
    column = LOOKED_UP_WHILE_EVALUATED.get(table)
    if column is None or ours is None or log is None:
        return False
    left, right = ((one if isinstance(one, dict) else msgspec.structs.asdict(one)) for one in (ours, log))
    return left[column] is None and left | {column: right[column]} == right


def _lasting(engine: sa.Engine) -> dict[str, list[Any]]:
    """What no revision may change: the log, and the deployments with their statuses."""
    columns = {
        "event": "number, source, id, type, service, environment",
        "deployment": "id, service, environment, version, status, command, deadline",
        "artifact": 'id, "group", name, version, digest, url',
        "outbox": "message_id, body, sent_at",
    }
    with engine.connect() as connection:
        return {
            table: list(connection.exec_driver_sql(f"SELECT {named} FROM {table} ORDER BY 1").all())
            for table, named in columns.items()
        }


def _standing(world: Scenario) -> list[tuple[str, str, str]]:
    rows = world.rows(deployment)
    return [(row.version, row.environment, row.status) for row in rows if row.version == "1.3"]
