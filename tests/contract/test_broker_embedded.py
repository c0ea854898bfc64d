"""The embedded transport alone: leases, owners, the file."""

import os
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from deploydb.broker.embedded import inbound as inbound_module
from deploydb.broker.embedded import owner
from deploydb.broker.open import check, open_dead_letters, open_inbound, open_outbound, provision
from deploydb.broker.port import Message
from deploydb.broker.topology import EVENTS, INGEST_QUEUE, topology
from deploydb.domain.model.errors import Misconfigured
from tests.servers import until
from tests.servers.process import BUSY

TOPOLOGY = topology({"default": ("dev",)})
NOW = timedelta(0)
EVENT = Message(exchange=EVENTS, routing_key="a", body=b"{}", message_id="id-1")


@pytest.fixture
def url(embedded_url: str) -> str:
    provision(embedded_url, TOPOLOGY)
    return embedded_url


def test_an_ack_under_a_lease_that_has_run_out_does_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound_module, "LEASE", timedelta(milliseconds=1))
    with open_outbound(url, name="tests") as outbound, open_inbound(url, INGEST_QUEUE, name="late") as late:
        outbound.publish([EVENT])
        first = late.receive(1, NOW)
        monkeypatch.setattr(inbound_module, "LEASE", timedelta(seconds=60))
        with open_inbound(url, INGEST_QUEUE, name="next") as following:
            (second,) = following.receive(1, timedelta(seconds=5))
            assert (second.tag, second.redelivered) == (first[0].tag, True)
            late.ack(first)
            late.requeue(first)
            assert late.receive(1, NOW) == []
            following.ack([second])
            assert following.receive(1, NOW) == []


def test_a_lease_is_prolonged_by_taking_none(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound_module, "LEASE", timedelta(seconds=0.6 * BUSY))
    monkeypatch.setattr(inbound_module, "_RENEW_SECONDS", 0.1)
    monkeypatch.setattr(inbound_module, "_SEARCH_SECONDS", 0.05)
    with (
        open_outbound(url, name="tests") as outbound,
        open_inbound(url, INGEST_QUEUE, name="holder") as holder,
        open_inbound(url, INGEST_QUEUE, name="other") as other,
    ):
        outbound.publish([EVENT])
        held = holder.receive(1, NOW)
        began = time.monotonic()
        while time.monotonic() - began < 1.5 * BUSY:
            assert holder.receive(0, NOW) == []
            assert other.receive(1, timedelta(seconds=0.05)) == []
        holder.ack(held)
        assert other.receive(1, timedelta(seconds=1)) == []


def test_the_messages_of_a_killed_process_are_free_within_two_seconds(url: str) -> None:
    with open_outbound(url, name="tests") as outbound, open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        outbound.publish([EVENT])
        code = (
            "import sys, os, signal; from datetime import timedelta; from deploydb.broker.open import open_inbound\n"
            f"i = open_inbound({url!r}, {INGEST_QUEUE!r}, name='victim'); assert i.receive(1, timedelta(seconds=5))\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
        began = time.monotonic()
        (again,) = inbound.receive(1, timedelta(seconds=30))
        assert again.redelivered
        assert time.monotonic() - began < 2 * BUSY


def test_several_processes_publish_and_consume_at_once(url: str) -> None:
    code = (
        "import sys; from deploydb.broker.open import open_outbound; from deploydb.broker.port import Message\n"
        f"with open_outbound({url!r}, name='p') as outbound:\n"
        "    for n in range(100):\n"
        "        name = f'{sys.argv[1]}-{n}'\n"
        f"        message = Message(exchange={EVENTS!r}, routing_key='a', body=name.encode(), message_id=name)\n"
        "        assert outbound.publish([message])[0].state == 'confirmed'\n"
    )
    publishers = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(4)]
    seen: list[bytes] = []
    with open_inbound(url, INGEST_QUEUE, name="a") as one, open_inbound(url, INGEST_QUEUE, name="b") as other:

        def all_there() -> bool:
            for inbound in (one, other):
                taken = inbound.receive(20, timedelta(milliseconds=20))
                inbound.ack(taken)
                seen.extend(delivery.body for delivery in taken)
            return len(seen) >= 400

        until(all_there)
    assert [publisher.wait(timeout=60) for publisher in publishers] == [0] * 4
    assert sorted(seen) == sorted(b"%d-%d" % (number, n) for number in range(4) for n in range(100))


def test_messages_survive_the_end_of_every_process_and_provisioning_again(url: str) -> None:
    with open_outbound(url, name="tests") as outbound:
        outbound.publish([EVENT])
    assert provision(url, TOPOLOGY) == []
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        assert [delivery.body for delivery in inbound.receive(1, NOW)] == [b"{}"]


def test_a_process_is_known_by_when_it_began_and_on_its_machine_alone() -> None:
    assert not owner.is_gone(owner.machine(), owner.process())
    assert owner.is_gone(owner.machine(), f"{os.getpid()} 1")
    assert not owner.is_gone("another machine", "1 1")
    assert not owner.is_gone("", f"{os.getpid()} 1")


def test_a_process_that_has_ended_and_was_not_waited_for_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = f"{child.pid} {owner._began(child.pid)}"
    assert not owner.is_gone(owner.machine(), process)
    assert child.stdin is not None
    child.kill()
    until(lambda: owner.is_gone(owner.machine(), process))
    child.communicate()


def test_the_folder_is_made_and_a_path_may_have_any_characters(tmp_path: Path) -> None:
    url = f"embedded:{tmp_path}/new folder/50% größer?#.db"
    provision(url, TOPOLOGY)
    check(url, TOPOLOGY)
    with open_outbound(url, name="tests") as outbound:
        assert outbound.publish([EVENT])[0].state == "confirmed"
    assert [path.suffix for path in (tmp_path / "new folder").iterdir()] == [".db"]


def test_opening_a_missing_file_does_not_create_it(tmp_path: Path) -> None:
    url = f"embedded:{tmp_path}/absent.db"
    for door in (
        lambda: open_outbound(url, name="tests"),
        lambda: open_inbound(url, INGEST_QUEUE, name="tests"),
        lambda: open_dead_letters(url, name="tests"),
        lambda: check(url, TOPOLOGY),
    ):
        with pytest.raises(Misconfigured, match=r"absent\.db does not exist: run `deploydb broker provision`"):
            door()
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database" * 100)
    with pytest.raises(Misconfigured, match="damaged, or no file of the embedded transport"):
        open_outbound(f"embedded:{tmp_path}/text.db", name="tests")
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(Misconfigured, match=r"run `deploydb broker provision`"):
        open_outbound(f"embedded:{tmp_path}/empty.db", name="tests")


def test_a_file_of_a_newer_deploydb_is_an_error_and_unchanged(url: str) -> None:
    connection = sqlite3.connect(url.removeprefix("embedded:"))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for act in (lambda: open_outbound(url, name="tests"), lambda: provision(url, TOPOLOGY)):
        with pytest.raises(Misconfigured, match="layout 99"):
            act()


def test_one_bad_publish_leaves_nothing_behind(url: str) -> None:
    with open_outbound(url, name="tests") as outbound, open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        with pytest.raises(Misconfigured, match="exchange absent does not exist"):
            outbound.publish([EVENT, Message(exchange="absent", routing_key="", body=b"", message_id="2")])
        assert inbound.receive(1, NOW) == []
        assert outbound.publish([EVENT])[0].state == "confirmed"
