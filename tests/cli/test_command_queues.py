"""What `doctor` finds of command queues without a consumer."""

from deploydb.broker.open import open_inbound, open_outbound, provision
from deploydb.broker.port import Message
from deploydb.broker.topology import COMMANDS
from deploydb.domain.formatting import instant
from deploydb.store.command_queues import name_queues, note_waiting
from deploydb.store.engine import open_engine
from tests.cli.shell import Shell
from tests.cli.test_doctor import DEFAULT, WANTED, examined
from tests.cli.test_doctor import house as house
from tests.scenario import NOON


def test_a_command_queue_without_a_consumer_is_reported(house: Shell, broker_url: str) -> None:
    broker_url = broker_url.replace("/broker.db", "/unconsumed.db")  # the house's own has a consumer
    house.environment["DEPLOYDB_BROKER_URL"] = broker_url
    provision(broker_url, WANTED)
    idle = examined(house, code=0)["command queues"]
    assert (idle["state"], idle["seen"]) == ("warn", f"{DEFAULT} has no consumer; waiting commands: 0")
    with open_outbound(broker_url, name="tests") as outbound:
        outbound.publish([Message(exchange=COMMANDS, routing_key="prod.shop.deploy", body=b"{}", message_id="1")])
    waiting = examined(house, code=1)["command queues"]
    assert (waiting["state"], waiting["seen"]) == ("fail", f"{DEFAULT} has no consumer; waiting commands: 1")
    assert "start the orchestrator" in waiting["advice"]
    with open_inbound(broker_url, DEFAULT, name="tests"):
        assert examined(house, code=0)["command queues"]["state"] == "ok"


def test_without_a_broker_here_the_relays_record_is_shown(house: Shell) -> None:
    engine = open_engine(house.environment["DEPLOYDB_DATABASE_URL"], name="tests")
    with engine.begin() as connection:
        name_queues(connection, ["default"])
    note_waiting(engine, {"default": 2}, NOON)
    engine.dispose()
    house.environment["DEPLOYDB_BROKER_URL"] = "embedded:nowhere.broker"
    finding = examined(house, code=1)["command queues"]
    assert finding["state"] == "fail"
    assert finding["seen"] == f"the queue {DEFAULT} is without a consumer since {instant(NOON)}, and 2 commands wait"
