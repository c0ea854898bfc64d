"""An answer that was sent in time counts, however long ingest was away."""

import time
from datetime import UTC, datetime

import sqlalchemy as sa

from deploydb.domain.model.outcome_reasons import ExpiryDeferred
from deploydb.store.tables import deployment, ingest_watermark
from tests.cluster import write_config
from tests.workers.in_process import InProcess, fact, published, until


def _dev(workshop: InProcess) -> sa.Row[tuple[object, ...]]:
    (found,) = workshop.rows(sa.select(deployment).where(deployment.c.environment == "dev"))
    return found


def test_a_deployment_that_finished_in_time_while_ingest_was_away_does_not_expire(workshop: InProcess) -> None:
    write_config(workshop.config, {"environments/dev.yml": "deadline: 8s\n"})
    (ingest, _, _) = workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1.0"))
    (command,) = workshop.commands()
    until(lambda: workshop.rows(sa.select(ingest_watermark)), "ingest says until when it has read")
    ingest.stop()
    workshop.publish(fact("deployment.finished", "late", command=command.id, outcome="succeeded"))
    assert datetime.now(UTC) < command.deadline, "the machine is too slow for this test"
    waits = ExpiryDeferred(deadline=command.deadline)
    until(lambda: _dev(workshop).status_reason == waits, "the reason why it does not expire")
    assert _dev(workshop).expired_at is None
    workshop.start("ingest")
    until(lambda: _dev(workshop).status == "SUCCESS", "the answer counts")
    assert _dev(workshop).expired_at is None


def test_what_is_not_answered_expires_all_the_same(workshop: InProcess) -> None:
    write_config(workshop.config, {"environments/dev.yml": "deadline: 1s\n"})
    workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1.0"))
    until(lambda: _dev_is(workshop, "FAILED"), "it expires")


def test_an_idle_ingest_writes_about_once_a_second(workshop: InProcess) -> None:
    workshop.start("ingest")
    first = until(lambda: workshop.rows(sa.select(ingest_watermark.c.read_until)), "it has read")
    seen = {first[0].read_until}
    began = time.monotonic()

    def has_written_thrice() -> bool:
        seen.add(workshop.rows(sa.select(ingest_watermark.c.read_until))[0].read_until)
        return len(seen) == 4

    until(has_written_thrice, "three more")
    assert time.monotonic() - began > 1.5


def _dev_is(workshop: InProcess, status: str) -> bool:
    found = workshop.rows(sa.select(deployment.c.status).where(deployment.c.environment == "dev"))
    return [row.status for row in found] == [status]
