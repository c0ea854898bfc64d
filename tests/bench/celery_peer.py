"""The peer: the same work as ingest, as a Celery task for each event."""

import os
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.signals import worker_process_init
from kombu import Exchange, Queue

from deploydb.store.arrival import Arrival
from deploydb.store.engine import open_engine
from deploydb.store.record import record

QUEUE = "events"


def application(broker_url: str) -> Celery:
    """Celery as one would run it for this: a quorum queue, acks late, no results."""
    app = Celery("peer", broker=broker_url)
    app.conf.task_queues = [
        Queue(QUEUE, Exchange(QUEUE), routing_key=QUEUE, queue_arguments={"x-queue-type": "quorum"})
    ]
    app.conf.update(
        task_default_queue=QUEUE,
        task_acks_late=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=100,
        worker_enable_remote_control=False,
        broker_transport_options={"confirm_publish": False},
    )
    app.task(name="record")(_record)
    return app


_engine: Any = None


def _record(body: str) -> None:
    now = datetime.now(UTC)
    raw = body.encode()
    record(_engine, [Arrival.of(raw, arrived_at=now)], now)


@worker_process_init.connect
def _open(**_: object) -> None:
    global _engine  # noqa: PLW0603  # Celery's own way: one connection a forked process
    _engine = open_engine(os.environ["DEPLOYDB_DATABASE_URL"], name="celery")


if "DEPLOYDB_BROKER_URL" in os.environ:
    from_environment = application(os.environ["DEPLOYDB_BROKER_URL"])
