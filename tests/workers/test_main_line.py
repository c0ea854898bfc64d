"""Promote and relay: what was recorded becomes commands on the queue, and answers become the next commands."""

import json
import time
from datetime import timedelta

import sqlalchemy as sa

from deploydb.broker.open import open_inbound, provision
from deploydb.broker.topology import NOTIFICATIONS, Binding, Queue, Topology
from deploydb.store.engine import open_engine
from deploydb.store.outbox import KEPT
from deploydb.store.tables import deployment, outbox
from tests.cluster import write_config
from tests.servers.process import BUSY
from tests.workers.in_process import CONFIG, InProcess, fact, published, until


def _statuses(workshop: InProcess, version: str) -> dict[str, str]:
    found = workshop.rows(
        sa.select(deployment.c.environment, deployment.c.status).where(deployment.c.version == version)
    )
    return {row.environment: row.status for row in found}


def test_a_release_walks_the_pipeline_by_messages_alone(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1.2.3"))
    for environment in ("dev", "prod"):
        (command,) = workshop.commands()
        assert (command.service, command.environment, command.artifact.version) == ("foo", environment, "1.2.3")
        workshop.publish(
            fact("deployment.started", f"{environment}-started", command=command.id),
            fact("deployment.finished", f"{environment}-finished", command=command.id, outcome="succeeded"),
        )
    until(lambda: _statuses(workshop, "1.2.3") == {"dev": "SUCCESS", "prod": "SUCCESS"}, "the release has arrived")


def test_a_command_that_no_queue_takes_stays_on_its_row_with_the_reason_until_one_does(workshop: InProcess) -> None:
    qa = {"pipelines/main.yml": "environments:\n  qa:\n", "environments/qa.yml": "orchestrator: later\n"}
    write_config(workshop.config, qa)
    (_, _, relay) = workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1"))
    problem = until(lambda: [row.problem for row in workshop.rows(sa.select(outbox)) if row.problem], "the problem")
    assert problem[0].startswith("returned: ")
    assert relay.metric("deploydb_relay_messages_total", result="returned") >= 1
    (reason,) = until(lambda: relay.health.ready().reasons, "readiness to say so")
    assert reason.startswith("outbox: 1 messages cannot be sent, one is returned: ")
    workshop.provision()
    (command,) = workshop.commands(orchestrator="later")
    assert command.environment == "qa"
    until(lambda: all(row.sent_at for row in workshop.rows(sa.select(outbox))), "the row is marked sent")


def test_a_broken_configuration_never_replaces_the_good_one(workshop: InProcess) -> None:
    (_, promote, _) = workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1"))
    workshop.commands()
    (workshop.config / "services" / "foo.yml").write_text("artifacts: [com.example:foo]\npipelines: [nowhere]\n")
    problems = until(lambda: promote.health.ready().warnings, "the problem is shown")
    assert promote.health.ready().ready
    assert any("foo.yml:2:" in problem and "nowhere" in problem for problem in problems)
    assert promote.metric("deploydb_configuration_problems") >= 1
    workshop.publish(
        fact("deployment.finished", "f-1", service="foo", environment="dev", version="1", outcome="succeeded")
    )
    (command,) = workshop.commands()
    assert command.environment == "prod"
    write_config(workshop.config, {"services/foo.yml": CONFIG["services/foo.yml"] + "description: fixed\n"})
    until(lambda: promote.health.ready().warnings == (), "nothing is wrong any more")
    assert promote.metric("deploydb_configuration_problems") == 0


def test_a_changed_configuration_is_in_force_for_what_already_waits(workshop: InProcess) -> None:
    write_config(
        workshop.config,
        {
            "promotions/smoke.yml": "type: VerificationPromotion\n",
            "pipelines/main.yml": "environments:\n  dev:\n    promotions: [smoke]\n  prod:\n",
        },
    )
    workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1"))
    workshop.commands()
    workshop.publish(
        fact("deployment.finished", "f-1", service="foo", environment="dev", version="1", outcome="succeeded")
    )
    until(lambda: _statuses(workshop, "1").get("dev") == "COMPLETED", "dev waits for its smoke test")
    write_config(workshop.config, {"pipelines/main.yml": CONFIG["pipelines/main.yml"]})
    (command,) = workshop.commands()
    assert command.environment == "prod"


def test_time_alone_moves_a_release_on(workshop: InProcess) -> None:
    write_config(
        workshop.config,
        {
            "promotions/soak.yml": "type: SoakPromotion\nduration: 1s\n",
            "pipelines/main.yml": "environments:\n  dev:\n    promotions: [soak]\n  prod:\n",
        },
    )
    workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1"))
    workshop.commands()
    finished = time.monotonic()
    workshop.publish(
        fact("deployment.finished", "f-1", service="foo", environment="dev", version="1", outcome="succeeded")
    )
    (command,) = workshop.commands()
    assert command.environment == "prod"
    assert 0.9 < time.monotonic() - finished < 8 * BUSY


def test_a_failure_is_published_with_and_without_a_bound_queue(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    for version, listens in (("1", False), ("2", True)):
        if listens:
            hears = Binding(exchange=NOTIFICATIONS, pattern="deployment.failed.dev.*")
            more = Queue(name="pager", bindings=(hears,), dead_letters=False)
            provision(workshop.settings.broker_url, Topology(exchanges=(NOTIFICATIONS,), queues=(more,)))
        workshop.publish(published(version))
        (command,) = workshop.commands()
        answer = fact("deployment.finished", f"f-{version}", command=command.id, outcome="failed", reason="no disk")
        workshop.publish(answer)
        notification = sa.select(outbox).where(outbox.c.exchange == NOTIFICATIONS, outbox.c.sent_at.is_not(None))
        until(
            lambda notification=notification, version=version: len(workshop.rows(notification)) == int(version),
            "the notification is sent",
        )
    with open_inbound(workshop.settings.broker_url, "pager", name="tests") as inbound:
        (heard,) = inbound.receive(10, timedelta(seconds=10))
        inbound.ack([heard])
    assert heard.content_type == "application/vnd.deploydb.notification.v1+json"
    statement = json.loads(heard.body)
    assert (statement["type"], statement["service"], statement["artifact"]["version"]) == (
        "deployment.failed",
        "foo",
        "2",
    )
    assert (statement["reason"], statement["failure_response"]) == ("no disk", "stop")


def test_the_relay_removes_what_was_sent_long_ago(workshop: InProcess) -> None:
    sent = sa.select(outbox.c.sent_at).where(outbox.c.sent_at.is_not(None))
    _, _, relay = workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1.0"))
    (row,) = until(lambda: workshop.rows(sent), "the command is sent")
    relay.stop()
    engine = open_engine(workshop.settings.database_url, name="tests")
    with engine.begin() as connection:
        connection.execute(sa.update(outbox).values(sent_at=row.sent_at - KEPT - timedelta(minutes=1)))
    engine.dispose()
    (relay,) = workshop.start("relay")
    until(lambda: relay.metric("deploydb_outbox_pruned_messages_total") == 1, "the removal")
    assert workshop.rows(sa.select(outbox.c.id)) == []
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "late", command=command.id, outcome="succeeded"))
    until(lambda: _statuses(workshop, "1.0")["dev"] == "SUCCESS", "the report counts")
