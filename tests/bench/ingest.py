"""Ingest: events a second from a filled quorum queue into PostgreSQL, by N worker processes; and Celery at the same."""

import subprocess
import sys

from tests.bench.celery_peer import QUEUE, application
from tests.bench.stage import Stage, artifact, stage, when
from tests.cluster import ROOT
from tests.servers import Servers

SERVICES = 50


def ingest(servers: Servers, workers: int, events: int) -> float:
    """Events stored a second by so many ingest processes, from the first to the last row."""
    with stage(servers, SERVICES) as made:
        made.publish([artifact(number % SERVICES, number) for number in range(events)])
        with made.workers(*["ingest"] * workers):
            return _rate(made, events)


def celery(servers: Servers, events: int) -> float:
    """Events stored a second by Celery, four prefork processes, a task an event, the same tables and acks late."""
    with stage(servers, SERVICES) as made:
        app = application(made.broker_url)
        with app.connection_for_write() as connection, app.amqp.Producer(connection, auto_declare=False) as producer:
            app.amqp.queues[QUEUE](connection.channel()).declare()
            for number in range(events):
                body = artifact(number % SERVICES, number).decode()
                app.send_task("record", args=[body], queue=QUEUE, producer=producer, ignore_result=True)
        command = [sys.executable, "-m", "celery", "-A", "tests.bench.celery_peer:from_environment", "worker"]
        options = ["-Q", QUEUE, "-c", "4", "-P", "prefork", "-l", "error", "--without-gossip", "--without-mingle"]
        process = subprocess.Popen(
            [*command, *options, "--without-heartbeat"],
            env=made.environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return _rate(made, events)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _rate(made: Stage, events: int) -> float:
    """Rows a second, from the first commit seen to the last; all of them are counted in the end."""
    with made.counting() as count:
        began, first = when(count, at_least=1)
        ended, last = when(count, at_least=events)
        stored = count("SELECT count(*) FROM event")
    assert stored == events, f"{stored} rows for {events} events"
    return (last - first) / (ended - began)
