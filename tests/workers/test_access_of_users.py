"""Ingest and access.yml where RabbitMQ vouches for the user of each message."""

import secrets
from pathlib import Path

import pika

from deploydb.broker.open import open_dead_letters
from deploydb.broker.topology import EVENTS
from tests.conftest import needs_servers
from tests.servers import RabbitMQ
from tests.servers.logins import broker_login
from tests.workers.in_process import InProcess, published, until
from tests.workers.test_access import Limited


@needs_servers
def test_on_rabbitmq_each_user_is_judged_by_its_own_entry(
    amqp_url: str, sqlite_url: str, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    with InProcess(amqp_url, sqlite_url, tmp_path) as workshop:
        limited = Limited(workshop, rabbitmq)
        known, unknown = (f"{user}-{secrets.token_hex(3)}" for user in ("known", "unknown"))
        limited.started(" {facts: [event.unused]}", f"\n  {known}: {{facts: [artifact.*]}}\n")
        for user in (known, unknown):
            limited.become(user)
            limited.say(published("1.0"))
        (letter,) = limited.letters(1)
        assert letter.user_id == unknown
        assert letter.reason == (
            f"{unknown} may not publish artifact.published: `publishers` in access.yml does not name it"
        )
        limited.become(known)
        limited.say(published("3.0", source="deployer/x"))
        limited.letters(2)
        workshop.publish(published("2.0"))  # by the user of ingest
        until(lambda: limited.logged() == ["foo-1.0", "foo-2.0"], "the others")


@needs_servers
def test_on_rabbitmq_a_message_without_a_user_is_refused(
    amqp_url: str, sqlite_url: str, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    with InProcess(amqp_url, sqlite_url, tmp_path) as workshop:
        Limited(workshop, rabbitmq).started()
        with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
            connection.channel().basic_publish(EVENTS, "tests", published("1.0"))
        (letter,) = until(workshop.dead, "the dead letter")
        assert letter.reason == (
            "artifact.published has no publisher: set user_id to the broker's user; access.yml lists who may publish"
        )


@needs_servers
def test_on_rabbitmq_a_refused_fact_that_an_operator_replays_is_stored(
    amqp_url: str, sqlite_url: str, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    with InProcess(amqp_url, sqlite_url, tmp_path) as workshop:
        limited = Limited(workshop, rabbitmq)
        limited.started(" {facts: [event.unused]}")
        limited.say(published("1.0"))
        (letter,) = limited.letters(1)
        operator = broker_login(amqp_url, "operator")
        assert operator is not None
        with open_dead_letters(operator, name="tests") as letters:
            assert letters.replay(letter.id) is not None
        until(lambda: limited.logged() == ["foo-1.0"], "the replayed fact")
        assert workshop.dead() == []
