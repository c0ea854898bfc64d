"""What a newer version sends to an ingest of an older one: kept, or dead-lettered and replayed after the upgrade."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from deploydb.broker.open import open_outbound, provision
from deploydb.broker.port import Message
from deploydb.broker.topology import EVENTS, topology_of
from deploydb.configuration import LiveCatalog
from deploydb.store.engine import open_engine, reading
from deploydb.store.schema import migrate
from deploydb.store.tables import event
from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.servers import until
from tests.upgrade.old_code import extracted
from tests.upgrade.old_store import make_store
from tests.workers.in_process import CONFIG, fact, published

OLD = "0001"
NEWER = fact("promotion.requested", "o-1", service="foo", environment="dev", version="1.0", by="eve", reason="compare")
"""Of a type that the older version does not have."""


def test_nothing_of_a_newer_version_is_lost_on_an_older_ingest(embedded_url: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    make_store(url, OLD).dispose()
    config = write_config(tmp_path / "config", CONFIG)
    provision(embedded_url, topology_of(LiveCatalog(config).catalog))
    shell = Shell(tmp_path, DEPLOYDB_BROKER_URL=embedded_url, DEPLOYDB_DATABASE_URL=url, DEPLOYDB_CONFIG=str(config))
    old = _ingest(shell, extracted(OLD, tmp_path / "code"))
    try:
        _publish(embedded_url, NEWER, published("9.9", later="kept"))
        until(lambda: len(_dead(shell)) == 1, what="the dead letter of the unknown type")
    finally:
        old.terminate()
        old.wait(30)
    (letter,) = _dead(shell)
    assert "promotion.requested" in letter["reason"]
    engine = open_engine(url, name="tests")
    migrate(engine)
    new = _ingest(shell, Path(__file__).parents[2])
    try:
        shell.ok("dead", "replay", letter["id"])
        until(lambda: "o-1" in _stored(engine), what="the replayed order in the log")
    finally:
        new.terminate()
        new.wait(30)
    assert _stored(engine)["foo-9.9"]["later"] == "kept"
    assert _dead(shell) == []
    engine.dispose()


def _ingest(shell: Shell, code: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "workers", "ingest", "--no-port"]
    return subprocess.Popen(command, env=shell.environment, cwd=code)


def _publish(url: str, *bodies: bytes) -> None:
    with open_outbound(url, name="tests") as outbound:
        messages = [
            Message(exchange=EVENTS, routing_key="fact", body=body, message_id=str(number))
            for number, body in enumerate(bodies)
        ]
        assert {receipt.state for receipt in outbound.publish(messages)} == {"confirmed"}


def _dead(shell: Shell) -> list[dict[str, Any]]:
    return list(json.loads(shell.ok("dead", "list", "-o", "json").stdout))


def _stored(engine: sa.Engine) -> dict[str, Any]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(event.c.id, event.c.body).where(event.c.source == "tests"))
        return {row.id: row.body for row in rows}
