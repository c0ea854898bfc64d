"""What a DeployDB keeps that has lived: run by hand with the code of an older commit, for `tests/upgrade/stores`.

    python record_store.py FOLDER_OF_THE_COMMIT > stores/REVISION.json

Facts that the older code does not take are left out.
"""

import json
import sys
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, sys.argv[1])

import sqlalchemy as sa

from deploydb.domain.model.errors import MessageRejected
from deploydb.store.schema import migrate
from tests.scenario import Scenario

PROD = {"service": "foo", "environment": "prod"}
DEV = {"service": "foo", "environment": "dev"}


def lived(world: Any) -> None:
    """Releases that succeed, fail and wait, holds, incidents, orders and early facts; one deployment is under way."""

    def tell(what: str, **fields: Any) -> None:
        world.now += timedelta(minutes=1)
        try:
            world.tell(what, **fields)
        except MessageRejected as refused:
            print(what, refused, file=sys.stderr)
        world.evaluate()

    def passed(lane: dict[str, str], version: str, outcome: str = "passed") -> None:
        tell("verification.finished", **lane, version=version, promotion="smoke", outcome=outcome, url="https://ci/1")

    for version in ("1.0", "1.1", "1.2"):
        world.publish(version, artifact={"url": f"https://repo/{version}", "digest": f"sha256:{version[-1] * 64}"})
        world.evaluate(minutes=1)
        world.deploy()
        passed(DEV, version, "failed" if version == "1.1" else "passed")
        world.deploy()
        if version != "1.1":
            passed(PROD, version)
    world.publish("1.2", artifact={"url": "https://repo/other", "digest": f"sha256:{'f' * 64}"})
    tell("incident.detected", **PROD, incident="INC-7", reason="5xx")
    tell("incident.detected", **PROD, incident="INC-7", reason="still")
    tell("incident.detected", **DEV, incident="INC-8", version="1.2", reason="slow")
    tell("incident.resolved", **DEV, incident="INC-8", version="1.2", reason="fixed")
    tell("hold.placed", kind="veto", service="foo", version="1.1", by="ann", reason="breaks logins")
    tell("hold.placed", kind="freeze", environment="prod", by="bob", reason="audit")
    tell("hold.lifted", kind="freeze", environment="prod", by="bob", reason="done")
    tell("hold.placed", kind="pin", **PROD, version="1.2", by="ann", reason="fair")
    tell("verification.finished", service="bar", environment="dev", version="2.0", promotion="smoke", outcome="passed")
    tell("deployment.finished", service="bar", environment="dev", version="2.0", outcome="succeeded")
    tell("promotion.requested", **DEV, version="1.0", by="eve", reason="compare")
    tell("retry.requested", **DEV, version="1.1", by="eve", reason="flaky")
    tell("verification.finished", **DEV, version="1.2", promotion="smoke", outcome="errored")
    tell("deployment.finished", **DEV, version="0.9", outcome="succeeded", historical=True)
    world.deploy()
    tell("rollback.requested", **PROD, by="eve", reason="errors")
    world.deploy()
    world.publish("1.3")
    world.evaluate(minutes=1)
    for command in world.commands():
        tell("deployment.started", command=command.id)


def rows(engine: sa.Engine) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    tables = sa.MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns)):
                values = {k: plain(v) for k, v in row._mapping.items() if v is not None}
                found.setdefault(table.name, []).append(values)
    return found


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


if __name__ == "__main__":
    with TemporaryDirectory() as folder, Scenario(f"sqlite:///{folder}/old.db") as world:
        migrate(world.engine)
        lived(world)
        found = rows(world.engine)
    lines = [
        f" {json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(row, sort_keys=True)}" for row in every) + "\n ]"
        for name, every in found.items()
    ]
    print("{\n" + ",\n".join(lines) + "\n}")
