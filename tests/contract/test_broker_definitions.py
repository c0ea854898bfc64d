"""The definitions of RabbitMQ: as the topology has them, and a user for each role that does its work alone."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pika
import pytest
import yaml

from deploydb.broker.open import check, open_dead_letters, open_inbound, open_outbound, provision
from deploydb.broker.port import Message
from deploydb.broker.topology import (
    COMMANDS,
    DEAD,
    DEAD_QUEUE,
    EVENTS,
    INGEST_QUEUE,
    command_queue,
    topology,
    topology_of,
)
from deploydb.configuration import LiveCatalog
from deploydb.domain.model.errors import Misconfigured, NotAllowed
from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.conftest import needs_servers
from tests.servers import RabbitMQ
from tests.servers.logins import broker_login, provision_with_users
from tests.workers.in_process import CONFIG

ROOT = Path(__file__).parents[2]
FILES = {
    **CONFIG,
    "environments/prod.yml": "orchestrator: tool\n",
    "orchestrators/tool.yml": (
        "type: http\nurl: https://tool.example.com/runs\nbody: '{}'\nrun: $.id\nstate: $.state\n"
        "status_url: https://tool.example.com/runs/{run}\nsucceeded: [live]\nfailed: [failed]\nidempotent: true\n"
    ),
    "webhook/hook.yml": "url: https://hooks.example.com/x\n",
}


def test_the_copy_is_up_to_date() -> None:
    made = Shell(ROOT, DEPLOYDB_CONFIG="config").ok("broker", "definitions").stdout
    copy = json.loads((ROOT / "deploy/rabbitmq/definitions.json").read_text(encoding="utf-8"))
    assert copy == json.loads(made), "run `make definitions`, and commit what changes"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> LiveCatalog:
    return LiveCatalog(write_config(tmp_path_factory.mktemp("config"), FILES))


@pytest.fixture(scope="module")
def url(rabbitmq: RabbitMQ, live: LiveCatalog) -> Iterator[str]:
    """A vhost with the definitions imported, for all tests of this module."""
    vhost = f"shared-{token_hex(8)}"
    url = rabbitmq.create_vhost(vhost)
    provision_with_users(url, topology_of(live.catalog), live.orchestrators)
    yield url
    rabbitmq.delete_vhost(vhost)


def login(url: str, user: str) -> str:
    found = broker_login(url, user)
    assert found is not None
    return found


def sends(url: str, exchange: str, key: str) -> None:
    with open_outbound(url, name="tests") as outbound:
        (receipt,) = outbound.publish([Message(exchange=exchange, routing_key=key, body=b"{}", message_id="1")])
        assert receipt.state == "confirmed", receipt


def receives(url: str, queue: str) -> None:
    with open_inbound(url, queue, name="tests"):
        pass


def test_an_import_makes_what_provisioning_makes(url: str, live: LiveCatalog, rabbitmq: RabbitMQ) -> None:
    wanted = topology_of(live.catalog)
    check(url, wanted)
    assert provision(url, wanted) == []  # which compares all arguments
    vhost = url.rpartition("/")[2]
    bindings = rabbitmq.api("GET", f"bindings/{vhost}")
    found = {(each["source"], each["destination"], each["routing_key"]) for each in bindings if each["source"]}
    assert found == {
        (binding.exchange, queue.name, binding.pattern) for queue in wanted.queues for binding in queue.bindings
    }


def test_the_user_of_provisioning_may_provision(url: str, live: LiveCatalog) -> None:
    assert provision(login(url, "provision"), topology_of(live.catalog)) == []


TOOL_QUEUE, DEFAULT_QUEUE = command_queue("tool"), command_queue("default")
SENDS = {
    "ci": [(EVENTS, "artifact.published")],
    "gateway": [(EVENTS, "approval.given")],
    "relay": [
        (EVENTS, "verification.finished"),
        (EVENTS, "deployment.finished"),
        (COMMANDS, "dev.foo.deploy"),
        ("deploydb.notifications", "flow.opened.-.foo"),
    ],
    "ingest": [(DEAD, INGEST_QUEUE)],
    "notify": [(DEAD, "deploydb.notify")],
    "orchestrate": [(DEAD, TOOL_QUEUE)],
    "deployer": [(DEAD, DEFAULT_QUEUE), (EVENTS, "deployment.finished")],
    "operator": [
        (EVENTS, "artifact.published"),
        (COMMANDS, "dev.foo.deploy"),
        ("deploydb.notifications", "flow.opened.-.foo"),
    ],
    "monitoring": [],
}
RECEIVES = {
    "ingest": INGEST_QUEUE,
    "notify": "deploydb.notify",
    "orchestrate": TOOL_QUEUE,
    "deployer": DEFAULT_QUEUE,
    "operator": DEAD_QUEUE,
}
EVERY_QUEUE = {INGEST_QUEUE, DEAD_QUEUE, "deploydb.notify", TOOL_QUEUE, DEFAULT_QUEUE}
EVERY_SENDING = {each for sendings in SENDS.values() for each in sendings}


@needs_servers
@pytest.mark.parametrize("user", SENDS)
def test_a_user_does_the_work_of_its_role_and_no_other(url: str, user: str) -> None:
    mine = login(url, user)
    allowed = set(SENDS[user])
    for exchange, key in sorted(EVERY_SENDING):
        if (exchange, key) in allowed or (exchange == EVENTS and user in ("ci", "gateway", "deployer", "operator")):
            sends(mine, exchange, key)
        else:
            with pytest.raises(NotAllowed):
                sends(mine, exchange, key)
    for queue in sorted(EVERY_QUEUE):
        if RECEIVES.get(user) == queue:
            receives(mine, queue)
        else:
            with pytest.raises(NotAllowed):
                receives(mine, queue)
    with pytest.raises(NotAllowed):
        provision(mine, topology({"more": ("lab",)}))


def test_users_have_rights_on_what_is_provisioned_after_the_import(amqp_url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        connection.channel().exchange_declare("eiffel.x", exchange_type="topic", durable=True)
    provision_with_users(amqp_url, topology({}, eiffel="eiffel.x"), ["tool"])
    queues = [command_queue("later"), "deploydb.notify", TOOL_QUEUE]
    later = topology({"later": ("qa",), "tool": ("prod",)}, notifies=True, eiffel="eiffel.x")
    assert provision(login(amqp_url, "provision"), later) == [f"queue {each.name}" for each in later.queues[2:]]
    assert sorted(queues) == sorted(each.name for each in later.queues[2:])
    for user, mine in zip(("deployer", "notify", "orchestrate"), queues, strict=True):
        for queue in queues:
            if queue == mine:
                receives(login(amqp_url, user), queue)
                sends(login(amqp_url, user), DEAD, queue)
            else:
                with pytest.raises(NotAllowed):
                    receives(login(amqp_url, user), queue)


def test_definitions_have_the_exchange_of_eiffel_events_and_the_right_to_bind_it(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.environment["DEPLOYDB_CONFIG"] = str(write_config(tmp_path / "config", FILES))
    made = json.loads(shell.ok("broker", "definitions", "--eiffel", "eiffel.x").stdout)
    (bound,) = [each for each in made["bindings"] if each["source"] == "eiffel.x"]
    assert (bound["destination"], bound["routing_key"]) == (INGEST_QUEUE, "eiffel.#")
    assert "eiffel.x" not in [each["name"] for each in made["exchanges"]]  # its publisher makes it
    (read,) = [each["read"] for each in made["permissions"] if each["user"] == "provision"]
    assert [name for name in ("eiffel.x", "eiffel-x", INGEST_QUEUE) if re.search(read, name)] == [
        "eiffel.x",
        INGEST_QUEUE,
    ]


def test_definitions_for_kubernetes_have_names_that_it_takes_and_no_two_the_same(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    odd = {"environments/Lab_1.yml": "orchestrator: Tools_EU\n", "environments/lab-1.yml": "orchestrator: tools_EU\n"}
    shell.environment["DEPLOYDB_CONFIG"] = str(write_config(tmp_path / "config", FILES | odd))
    made = list(yaml.safe_load_all(shell.ok("broker", "definitions", "--kubernetes", "mq", "--vhost", "v").stdout))
    names = [(each["kind"], each["metadata"]["name"]) for each in made]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name) for _, name in names)
    assert all(each["spec"]["rabbitmqClusterReference"] == {"name": "mq"} for each in made)
    queues = {each["spec"]["name"]: each["spec"] for each in made if each["kind"] == "Queue"}
    plain = json.loads(shell.ok("broker", "definitions", "--vhost", "v").stdout)["queues"]
    for queue in plain:
        spec = queues.pop(queue["name"])
        assert {"x-queue-type": spec["type"]} | spec["arguments"] == queue["arguments"]
        assert (spec["vhost"], spec["durable"]) == ("v", True)
    assert not queues
    refused = shell.fails("broker", "definitions", "--kubernetes", "mq", "--passwords", str(tmp_path), code=2)
    assert "--passwords: with --kubernetes passwords are in Secrets" in refused
    for wrong in ("", "Mq", "mq-", "1mq", "m" * 64):
        refused = shell.fails("broker", "definitions", "--kubernetes", wrong, code=2)
        assert f"--kubernetes: {wrong!r} is no name of a RabbitmqCluster" in refused


@pytest.mark.parametrize("vhost", ["/", "a.-b", "A..b", f"{'v' * 243}.x.y"])
def test_definitions_for_kubernetes_take_any_vhost(vhost: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.environment["DEPLOYDB_CONFIG"] = str(write_config(tmp_path / "config", FILES))
    made = yaml.safe_load_all(shell.ok("broker", "definitions", "--kubernetes", "mq", "--vhost", vhost).stdout)
    (found,) = [each for each in made if each["kind"] == "Vhost"]
    assert found["spec"]["name"] == vhost
    label = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    assert re.fullmatch(rf"{label}(\.{label})*", found["metadata"]["name"])
    assert len(found["metadata"]["name"]) <= 253


def test_an_operator_looks_at_dead_letters_and_replays_them(url: str) -> None:
    for process, queue in (("ingest", INGEST_QUEUE), ("notify", "deploydb.notify")):
        sends(login(url, process), DEAD, queue)
    with open_dead_letters(login(url, "operator"), name="tests") as letters:
        found = letters.peek(100)
        mine = [next(each.id for each in found if each.queue == queue) for queue in (INGEST_QUEUE, "deploydb.notify")]
        left = [each.id for each in found]  # other tests of the node have sent the same ones
        for letter in mine:
            assert letters.replay(letter) is not None
            left.remove(letter)
        assert [each.id for each in letters.peek(100)] == left


def test_passwords_come_from_a_folder_and_let_in(amqp_url: str, rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    shell, folder = Shell(tmp_path), tmp_path / "passwords"
    folder.mkdir()
    shell.environment["DEPLOYDB_CONFIG"] = str(write_config(tmp_path / "config", FILES))
    vhost = amqp_url.rpartition("/")[2]
    (folder / "stranger").write_text("x")
    given = ("broker", "definitions", "--vhost", vhost, "--passwords", str(folder))
    assert "stranger is of no user: expected ci, deployer" in shell.fails(*given)
    (folder / "stranger").rename(folder / "monitoring")
    document = json.loads(shell.ok(*given).stdout)
    hashes = {user["name"]: user["password_hash"] for user in document["users"]}
    assert [name for name, hash_ in hashes.items() if hash_] == ["monitoring"]
    name = f"monitoring-{vhost}"  # users are those of the whole node
    mine = [user | {"name": name} for user in document["users"] if user["name"] == "monitoring"]
    rights = [one | {"user": name} for one in document["permissions"] if one["user"] == "monitoring"]
    rabbitmq.api("POST", "definitions", {"users": mine, "permissions": rights})
    try:
        address = amqp_url.replace("guest:guest", f"{name}:x")
        with pytest.raises(NotAllowed):
            sends(address, EVENTS, "x")
        with pytest.raises(Misconfigured, match="refuses the login"):
            sends(address.replace(":x@", ":y@"), EVENTS, "x")
    finally:
        rabbitmq.api("DELETE", f"users/{name}")
