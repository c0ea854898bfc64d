"""The metrics of the state of lanes, backlogs and the configuration, as promote serves them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from tests.cluster import write_config
from tests.monitoring.promtool import promtool
from tests.workers.in_process import CONFIG, InProcess, Working, fact, published, until
from tests.workers.test_stalled_work import hold

FILES = {
    "promotions/go.yml": "type: ManualPromotion\napprovals: 1\n",
    "environments/prod.yml": "entry: [go]\n",
}
SECONDS_OF_TEST = 120


@pytest.fixture
def workshop(
    embedded_url: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InProcess]:
    for module in ("lane_metrics", "backlog"):
        monkeypatch.setattr(f"workers.{module}.LOOK_EVERY_SECONDS", 0.05)
    with InProcess(embedded_url, database_url, tmp_path) as made:
        write_config(made.config, CONFIG | FILES)
        yield made


def shows(promote: Working, name: str, value: float, **labels: str) -> None:
    until(lambda: promote.registry.get_sample_value(name, labels) == value, f"{name}{labels} {value}")


def deployed(workshop: InProcess, outcome: str) -> None:
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.finished", f"f-{command.id}", command=command.id, outcome=outcome))


def test_deployments_what_is_live_gates_and_holds_are_counted(workshop: InProcess) -> None:
    _, promote, _ = workshop.start("ingest", "promote", "relay")
    dev: dict[str, Any] = {"service": "foo", "environment": "dev"}
    ended = "deploydb_deployments_total"
    shows(promote, ended, 0, **dev, outcome="succeeded")
    shows(promote, "deploydb_gates_waiting", 0, type="ManualPromotion")
    assert promote.registry.get_sample_value("deploydb_live_timestamp_seconds", dev) is None
    workshop.publish(published("1.0"))
    deployed(workshop, "succeeded")
    shows(promote, ended, 1, **dev, outcome="succeeded")
    until(lambda: abs(promote.metric("deploydb_live_timestamp_seconds", **dev) - time.time()) < SECONDS_OF_TEST, "live")
    shows(promote, "deploydb_gates_waiting", 1, type="ManualPromotion")
    until(lambda: promote.metric("deploydb_gates_oldest_wait_seconds", type="ManualPromotion") > 0, "it waits")
    workshop.publish(published("1.1"))
    deployed(workshop, "failed")
    shows(promote, ended, 1, **dev, outcome="failed")
    workshop.publish(hold("placed"))
    shows(promote, "deploydb_holds", 1, kind="pause")
    shows(promote, "deploydb_holds", 0, kind="veto")
    shows(promote, "deploydb_evaluation_backlog", 0)
    assert 0 < promote.metric("deploydb_ingest_lag_seconds") < SECONDS_OF_TEST
    assert promtool("check", "metrics", given=generate_latest(promote.registry).decode()) == ""
    write_config(workshop.config, {"pipelines/main.yml": "environments:\n  prod:\n"})
    live = "deploydb_live_timestamp_seconds"
    until(lambda: promote.registry.get_sample_value(live, dev) is None, "a lane that is configured no longer to go")


def test_the_configuration_in_force_is_named_and_a_broken_one_is_not_read(workshop: InProcess) -> None:
    (promote,) = workshop.start("promote")

    def digest() -> str:
        families = {family.name: family.samples for family in promote.registry.collect()}
        return "".join(sample.labels["digest"] for sample in families.get("deploydb_configuration_info", ()))

    until(digest, "it starts")
    before, read_at = digest(), promote.metric("deploydb_configuration_read_timestamp_seconds")
    write_config(workshop.config, {"environments/dev.yml": "descriptoin: typing error\n"})
    until(lambda: promote.metric("deploydb_configuration_problems") == 1, "the problem")
    assert (digest(), promote.metric("deploydb_configuration_read_timestamp_seconds")) == (before, read_at)
    write_config(workshop.config, {"environments/dev.yml": "starved_releases: 3\n"})
    until(lambda: digest() != before, "another digest")
    assert promote.metric("deploydb_configuration_read_timestamp_seconds") > read_at
