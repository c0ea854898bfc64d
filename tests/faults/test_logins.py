"""A wrong password at the start: each process ends with 1, and names the setting."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from deploydb.broker.open import provision
from deploydb.broker.topology import topology_of
from deploydb.configuration import load
from tests.cluster import write_config
from tests.faults.test_silence import SERVICES, WORKERS, Processes
from tests.workers.in_process import CONFIG

pytestmark = pytest.mark.servers

WITHIN_SECONDS = 90
"""For twelve processes that start at one time."""


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("DEPLOYDB_DATABASE_URL", (*WORKERS, *SERVICES)),
        ("DEPLOYDB_BROKER_URL", ("ingest", "relay", "gateway", "web", "deployer")),
    ],
)
def test_a_process_whose_login_is_refused_at_the_start_ends_with_1_and_names_the_setting(
    setting: str, names: tuple[str, ...], postgresql_url: str, amqp_url: str, tmp_path: Path
) -> None:
    catalog = load(write_config(tmp_path / "config", CONFIG)).catalog
    assert catalog is not None
    provision(amqp_url, topology_of(catalog))
    urls = {"DEPLOYDB_DATABASE_URL": postgresql_url, "DEPLOYDB_BROKER_URL": amqp_url}
    urls[setting] = _with_wrong_password(urls[setting])
    with Processes(tmp_path, *urls.values(), names) as processes:
        codes = {name: process.wait(WITHIN_SECONDS) for name, process in processes.running.items()}
    logs = {name: (tmp_path / f"{name}.log").read_text() for name in names}
    assert set(codes.values()) == {1}, (codes, logs)
    for name in names:
        last = logs[name].splitlines()[-1]
        assert last.startswith(f"deploydb {name}: "), logs[name]
        assert "refuses" in last
        assert setting in last
        assert "wr0ng" not in logs[name]


def _with_wrong_password(url: str) -> str:
    return sa.make_url(url).set(password="wr0ng").render_as_string(hide_password=False)
