"""A broker that is killed, restarted, or out of memory, while messages flow."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from deploydb.broker.open import open_inbound, open_outbound, provision
from deploydb.broker.port import Message, Outbound
from deploydb.broker.topology import EVENTS, INGEST_QUEUE, topology
from deploydb.domain.model.errors import Transient
from tests.faults.proxy import Proxy
from tests.servers import RabbitMQ, until
from tests.servers.process import BUSY

pytestmark = pytest.mark.servers

SECOND = timedelta(seconds=1)


def event(number: int) -> Message:
    return Message(exchange=EVENTS, routing_key="a", body=b"%d" % number, message_id=str(number))


class Publisher:
    """Publishes numbers in batches, opens a new connection after trouble, and knows what was confirmed."""

    def __init__(self, url: str) -> None:
        self.confirmed: set[int] = set()
        self.troubles = 0
        self._url = url

    def work(self, over: Callable[[], bool]) -> None:
        number = 0
        while not over():
            try:
                with open_outbound(self._url, name="publisher") as outbound:
                    while not over():
                        batch = range(number, number + 100)
                        receipts = outbound.publish([event(each) for each in batch])
                        self.confirmed |= {
                            int(receipt.message_id) for receipt in receipts if receipt.state == "confirmed"
                        }
                        number += 100
            except Transient:
                self.troubles += 1
                time.sleep(0.1)


class Consumer:
    """Takes and acks, opens a new connection after trouble, and knows what came."""

    def __init__(self, url: str) -> None:
        self.seen: list[int] = []
        self.troubles = 0
        self._url = url

    def work(self, over: Callable[[], bool]) -> None:
        while not over():
            try:
                with open_inbound(self._url, INGEST_QUEUE, name="consumer") as inbound:
                    while not over():
                        taken = inbound.receive(200, timedelta(seconds=0.2))
                        self.seen += [int(delivery.body) for delivery in taken]
                        inbound.ack(taken)
            except Transient:
                self.troubles += 1
                time.sleep(0.1)


def test_nothing_that_was_confirmed_is_lost_when_the_broker_is_killed_and_comes_back(own_rabbitmq: RabbitMQ) -> None:
    url = own_rabbitmq.create_vhost("faults")
    provision(url, topology({"default": ("dev",)}))
    publisher, consumer = Publisher(url), Consumer(url)
    published, consumed = threading.Event(), threading.Event()
    threads = [
        threading.Thread(target=publisher.work, args=(published.is_set,)),
        threading.Thread(target=consumer.work, args=(consumed.is_set,)),
    ]
    for thread in threads:
        thread.start()
    try:
        # A quorum queue that was declared a moment before a kill -9 may come back without a leader.
        provisioned_at = time.monotonic()
        until(lambda: time.monotonic() - provisioned_at > 3 and len(consumer.seen) > 2000)
        own_rabbitmq.kill()
        before = len(publisher.confirmed)
        own_rabbitmq.start()
        until(lambda: len(publisher.confirmed) > before + 2000, what="publishing to go on")
        published.set()
        threads[0].join(60)
        until(lambda: publisher.confirmed <= set(consumer.seen), what="everything confirmed to arrive")
    finally:
        published.set()
        consumed.set()
        for thread in threads:
            thread.join(60)
    assert publisher.troubles > 0
    assert consumer.troubles > 0


def test_a_memory_alarm_stops_publishing_at_once_and_consuming_not_at_all(own_rabbitmq: RabbitMQ) -> None:
    url = own_rabbitmq.create_vhost("alarm")
    provision(url, topology({"default": ("dev",)}))
    with open_outbound(url, name="tests") as outbound, open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        outbound.publish([event(number) for number in range(10)])
        own_rabbitmq.ctl("set_vm_memory_high_watermark", "0.0000001")

        def is_reported() -> bool:
            began = time.monotonic()
            try:
                outbound.publish([event(10)])
            except Transient as error:
                return "blocked" in str(error) and time.monotonic() - began < 5 * BUSY
            return False

        until(is_reported, what="the alarm to be reported")
        assert outbound.blocked
        assert is_reported()
        seen = 0
        while seen < 10:
            taken = inbound.receive(100, 10 * SECOND)
            assert taken
            inbound.ack(taken)
            seen += len(taken)
        with open_inbound(url, INGEST_QUEUE, name="another") as another:
            another.receive(1, timedelta(0))
        began = time.monotonic()
        refused = open_outbound(url, name="another")
        with pytest.raises(Transient, match="blocked"):
            refused.publish([event(11)])
        refused.close()
        assert time.monotonic() - began < 10 * BUSY
        own_rabbitmq.ctl("set_vm_memory_high_watermark", "0.8")
        until(lambda: not outbound.blocked, what="the alarm to end")
        assert outbound.publish([event(12)])[0].state == "confirmed"


def test_a_blocked_connection_that_is_lost_is_lost_and_blocked_no_more(own_rabbitmq: RabbitMQ) -> None:
    url = own_rabbitmq.create_vhost("alarm")
    provision(url, topology({"default": ("dev",)}))
    with Proxy(own_rabbitmq.port) as proxy:
        through = url.replace(f":{own_rabbitmq.port}/", f":{proxy.port}/")
        with open_outbound(through, name="cut") as cut, open_outbound(url, name="restarted") as restarted:
            own_rabbitmq.ctl("set_vm_memory_high_watermark", "0.0000001")
            for outbound in (cut, restarted):
                until(lambda one=outbound: refuses(one) and one.blocked, what="the alarm to be seen")
            proxy.close()
            until(lambda: not cut.blocked, what="the cut connection to be no longer blocked")
            own_rabbitmq.kill()
            own_rabbitmq.start()  # without the alarm
            until(lambda: not restarted.blocked, what="the lost connection to be no longer blocked")
            for outbound in (cut, restarted):
                with pytest.raises(Transient, match="lost"):
                    outbound.publish([event(1)])
    with open_outbound(url, name="again") as outbound:
        until(lambda: not refuses(outbound), what="the broker to take messages again")


def refuses(outbound: Outbound) -> bool:
    """Whether the broker takes nothing at the moment."""
    try:
        return outbound.publish([event(1)])[0].state != "confirmed"
    except Transient:
        return True
