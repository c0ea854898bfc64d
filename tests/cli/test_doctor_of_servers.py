"""`doctor` on RabbitMQ and PostgreSQL: kinds of queues, and what a user or a role may not do."""

import json
import secrets

from deploydb.broker.open import open_inbound, provision
from deploydb.broker.topology import DEAD_QUEUE, INGEST_QUEUE, topology
from deploydb.store.privileges import WRITES
from tests.cli.shell import Shell
from tests.cli.test_doctor import DEFAULT, WANTED, examined, states
from tests.cli.test_doctor import house as house
from tests.conftest import needs_servers
from tests.servers import PostgreSQL, RabbitMQ
from tests.servers.logins import broker_login, database_login, ensure_roles, provision_with_users


@needs_servers
def test_on_real_servers_all_is_well(house: Shell, amqp_url: str, postgresql: PostgreSQL, postgresql_url: str) -> None:
    password = postgresql.state["password"]
    provision(amqp_url, WANTED)
    house.environment |= {"DEPLOYDB_BROKER_URL": amqp_url, "DEPLOYDB_DATABASE_URL": postgresql_url}
    with open_inbound(amqp_url, DEFAULT, name="tests"):
        findings = examined(house, code=0)
    assert states(findings) == {"ok"}
    assert "write those of ingest, promote, relay" in findings["rights"]["seen"]
    assert findings["exchanges and queues"]["seen"].endswith("are there, as they must be")
    assert password not in json.dumps(findings)


@needs_servers
def test_a_queue_of_another_kind_is_reported_and_nothing_is_made(
    house: Shell, amqp_url: str, rabbitmq: RabbitMQ
) -> None:
    vhost = amqp_url.rpartition("/")[2]
    provision(amqp_url, topology({}))
    rabbitmq.api("DELETE", f"queues/{vhost}/{INGEST_QUEUE}")
    rabbitmq.api("PUT", f"queues/{vhost}/{INGEST_QUEUE}", {"durable": True, "arguments": {"x-queue-type": "classic"}})
    house.environment["DEPLOYDB_BROKER_URL"] = amqp_url
    findings = examined(house, code=1)
    assert findings[f"queue {INGEST_QUEUE}"]["state"] == "fail"
    assert "is wanted: it cannot be changed in place" in findings[f"queue {INGEST_QUEUE}"]["seen"]
    assert "does not exist" in findings["queue deploydb.commands.default"]["seen"]
    made = {one["name"] for one in rabbitmq.api("GET", f"queues/{vhost}")}
    assert made == {INGEST_QUEUE, DEAD_QUEUE}


@needs_servers
def test_without_the_right_to_configure_arguments_are_not_compared(
    house: Shell, amqp_url: str, rabbitmq: RabbitMQ
) -> None:
    provision(amqp_url, WANTED)
    user = f"looker-{secrets.token_hex(4)}"
    permissions = {"read": ".*", "write": ".*"}
    house.environment["DEPLOYDB_BROKER_URL"] = rabbitmq.create_user(
        user, "secret", amqp_url.rpartition("/")[2], permissions
    )
    findings = examined(house, code=0)
    assert findings["exchanges and queues"]["state"] == "warn"
    assert "may not configure" in findings["exchanges and queues"]["seen"]
    assert findings["dead letters"]["seen"] == "0 messages"
    assert "secret" not in json.dumps(findings)


@needs_servers
def test_a_role_that_may_not_read_has_a_finding_for_each_table(
    house: Shell, postgresql: PostgreSQL, postgresql_url: str
) -> None:
    import psycopg

    role = f"reader_{secrets.token_hex(4)}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'".encode())
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
        house.environment["DEPLOYDB_DATABASE_URL"] = postgresql_url.replace(
            f"postgres:{postgresql.state['password']}", f"{role}:secret"
        )
        try:
            found = examined(house, code=0)["rights"]
            assert found["state"] == "ok"
            assert found["seen"] == f"{role} may read all tables, and write those of query, gateway, web"
            connection.execute(f"REVOKE SELECT ON flow FROM {role}".encode())
            found = examined(house, code=1)["rights"]
            assert found["seen"] == f"{role} may not read flow"
        finally:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


@needs_servers
def test_a_role_of_a_process_with_less_than_it_needs_is_a_finding(house: Shell, postgresql_url: str) -> None:
    import psycopg

    house.environment["DEPLOYDB_DATABASE_URL"] = database_login(postgresql_url, "promote")
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("REVOKE UPDATE ON event FROM deploydb_promote")
    found = examined(house, code=1)["rights"]
    assert (found["state"], found["seen"]) == (
        "fail",
        "deploydb_promote may not write all tables that promote writes",
    )


@needs_servers
def test_the_role_of_each_process_is_enough_and_none_has_to_be_the_owner(house: Shell, postgresql_url: str) -> None:
    ensure_roles(postgresql_url)
    for process in WRITES:
        house.environment["DEPLOYDB_DATABASE_URL"] = database_login(postgresql_url, process)
        found = examined(house, code=0)
        assert (found["rights"]["state"], found["rights"]["advice"]) == ("ok", "")
        assert process in found["rights"]["seen"].rpartition("write those of ")[2].split(", ")
        assert not any("owner" in f"{one['seen']} {one['advice']}" for one in found.values())


@needs_servers
def test_the_user_provision_needs_neither_a_tokens_file_nor_the_database(house: Shell, amqp_url: str) -> None:
    provision_with_users(amqp_url, WANTED)
    house.environment |= {
        "DEPLOYDB_TOKENS_FILE": "/not/readable",
        "DEPLOYDB_DATABASE_URL": "postgresql://127.0.0.1:1/x",
    }
    login = broker_login(amqp_url, "provision")
    assert login is not None
    assert "everything is there" in house.ok("broker", "provision", DEPLOYDB_BROKER_URL=login).stderr
