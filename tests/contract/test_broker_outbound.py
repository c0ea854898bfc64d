"""The contract of `deploydb.broker.port.Outbound`, on RabbitMQ and on the embedded transport."""

import pytest

from deploydb.broker.open import open_inbound, open_outbound, provision
from deploydb.broker.port import QueueDepth, Receipt
from deploydb.broker.topology import COMMANDS, EVENTS, Binding, Queue, Topology
from deploydb.domain.model.errors import Misconfigured, Transient
from tests.contract.broker_steps import OTHER, RABBIT, assert_left, event, publish, take
from tests.contract.broker_steps import url as url


def test_a_confirmed_message_is_in_every_queue_it_is_routed_to(broker_url: str) -> None:
    twice = tuple(Queue(name=name, bindings=(Binding(exchange=EVENTS, pattern="a.#"),)) for name in ("one", "two"))
    provision(broker_url, Topology(exchanges=(EVENTS,), queues=twice))
    (receipt,) = publish(broker_url, event(1, routing_key="a.b"))
    assert receipt == Receipt(message_id="id-1", state="confirmed")
    assert_left(broker_url, [b"event 1"], "one")
    assert_left(broker_url, [b"event 1"], "two")


def test_a_message_that_no_queue_is_bound_for_is_returned_and_the_others_are_confirmed(url: str) -> None:
    lost = event(2, exchange=COMMANDS, routing_key="nowhere.x.deploy")
    receipts = publish(url, event(1), lost, event(3))
    assert [(receipt.message_id, receipt.state) for receipt in receipts] == [
        ("id-1", "confirmed"),
        ("id-2", "returned"),
        ("id-3", "confirmed"),
    ]
    assert "no queue is bound" in receipts[1].detail
    assert_left(url, [b"event 1", b"event 3"])


def test_receipts_come_in_the_order_of_the_messages_also_where_ids_repeat(url: str) -> None:
    same = [event(1), event(1, exchange=COMMANDS, routing_key="nowhere.x"), event(1)]
    assert [receipt.state for receipt in publish(url, *same)] == ["confirmed", "returned", "confirmed"]


def test_ten_thousand_messages_get_ten_thousand_receipts_and_all_arrive_once_and_in_order(url: str) -> None:
    messages = [event(number) for number in range(10_000)]
    receipts = publish(url, *messages)
    assert {receipt.state for receipt in receipts} == {"confirmed"}
    assert [receipt.message_id for receipt in receipts] == [message.message_id for message in messages]
    assert_left(url, [message.body for message in messages])


def test_publishing_nothing_gives_no_receipts(url: str) -> None:
    assert publish(url) == []


def test_a_message_with_a_name_that_is_too_long_is_refused_and_the_others_pass(url: str) -> None:
    receipts = publish(url, event(1), event(2, routing_key="k" * 256), event(3, message_id="\ud800"), event(4))
    assert [receipt.state for receipt in receipts] == ["confirmed", "refused", "refused", "confirmed"]
    assert "routing key is longer than 255 bytes" in receipts[1].detail
    assert_left(url, [b"event 1", b"event 4"])


def test_publishing_to_a_missing_exchange_raises_with_the_remedy(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"exchange absent does not exist.*deploydb broker provision"):
        publish(url, event(1, exchange="absent"))


def test_a_closed_outbound_is_transient_and_closes_again(url: str) -> None:
    outbound = open_outbound(url, name="tests")
    outbound.close()
    outbound.close()
    with pytest.raises(Transient):
        outbound.publish([event(1)])


def test_depths_count_what_is_ready_and_who_consumes_and_leave_missing_queues_out(url: str) -> None:
    publish(url, *(event(number, exchange=COMMANDS, routing_key="prod.shop.deploy") for number in range(3)))
    with open_outbound(url, name="tests") as outbound:
        found = outbound.depths(["absent", RABBIT, "absent too", OTHER])
        assert found == {RABBIT: QueueDepth(ready=3, consumers=0), OTHER: QueueDepth(ready=0, consumers=0)}
        assert outbound.depths([]) == {}
        with open_inbound(url, RABBIT, name="tests") as inbound:
            taken = take(inbound, 3)
            assert outbound.depths([RABBIT]) == {RABBIT: QueueDepth(ready=0, consumers=1)}
            inbound.ack(taken)
        (receipt,) = outbound.publish([event(4)])  # the connection is as good as before
        assert receipt.state == "confirmed"


def test_depths_of_a_closed_outbound_are_transient(url: str) -> None:
    outbound = open_outbound(url, name="tests")
    outbound.close()
    with pytest.raises(Transient):
        outbound.depths([RABBIT])
