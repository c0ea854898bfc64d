"""Provisioning and topic patterns, on RabbitMQ and on the embedded transport."""

import pytest

from deploydb.broker.open import check, open_inbound, provision
from deploydb.broker.topology import COMMANDS, EVENTS, INGEST_QUEUE, Binding, Queue, Topology, command_queue, topology
from deploydb.domain.model.errors import Misconfigured
from tests.contract.broker_steps import OTHER, RABBIT, assert_left, bodies, event, publish, take
from tests.contract.broker_steps import url as url


def test_provisioning_names_new_parts_and_a_second_time_makes_none(broker_url: str) -> None:
    wanted = topology({"default": ("dev",)})
    made = provision(broker_url, wanted)
    assert f"exchange {EVENTS}" in made
    assert f"queue {INGEST_QUEUE}" in made
    assert f"queue {command_queue('default')}" in made
    assert provision(broker_url, wanted) == []
    check(broker_url, wanted)


def test_an_orchestrator_that_comes_later_is_made_then(url: str) -> None:
    assert provision(url, topology({"rabbit": ("test", "prod"), "new": ("stage",)})) == [
        f"queue {command_queue('new')}"
    ]


def test_an_environment_that_moves_to_another_orchestrator_is_not_deployed_by_both(url: str) -> None:
    provision(url, topology({"rabbit": ("test",), "other": ("lab", "prod")}))
    publish(url, event(1, exchange=COMMANDS, routing_key="prod.shop.deploy"))
    assert_left(url, [], RABBIT)
    assert_left(url, [b"event 1"], OTHER)


def test_commands_go_to_the_queue_of_their_environments_orchestrator(url: str) -> None:
    keys = ["prod.shop.deploy", "test.shop.deploy", "lab.shop.rollback", "prod.a.b.c"]
    publish(url, *(event(0, exchange=COMMANDS, routing_key=key, body=key.encode()) for key in keys))
    assert_left(url, [b"prod.shop.deploy", b"test.shop.deploy", b"prod.a.b.c"], RABBIT)
    assert_left(url, [b"lab.shop.rollback"], OTHER)


def test_the_check_names_what_is_missing(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"queue deploydb\.commands\.more does not exist.*broker provision"):
        check(url, topology({"more": ("x",)}))


# Topic patterns: one table, and both must agree with it.

_KEYS = ("", "a", "b", "a.b", "a.b.c", "a..c", "a.", ".", "a.a.b", "a.x.y.b", "a.b.b.c", "x.b", "A.b", "a.*", "ä.b")
_FITS: dict[str, set[str]] = {
    "#": set(_KEYS),
    "*": {"a", "b"},
    "a.*": {"a.b", "a.", "a.*"},
    "a.#": {"a", "a.b", "a.b.c", "a..c", "a.", "a.a.b", "a.x.y.b", "a.b.b.c", "a.*"},
    "*.b": {"a.b", "x.b", "A.b", "ä.b"},
    "#.b": {"b", "a.b", "a.a.b", "a.x.y.b", "x.b", "A.b", "ä.b"},
    "a.#.b": {"a.b", "a.a.b", "a.x.y.b"},
    "a.*.c": {"a.b.c", "a..c"},
    "#.#": set(_KEYS),
    "#.*": set(_KEYS) - {""},
    "*.#": set(_KEYS) - {""},
    "a.b": {"a.b"},
    "a": {"a"},
    "a.#.#.c": {"a.b.c", "a..c", "a.b.b.c"},
    "": {""},
}


def test_patterns_take_the_routing_keys_that_they_should(broker_url: str) -> None:
    end = Binding(exchange="end", pattern="#")
    queues = tuple(
        Queue(name=f"of {pattern}", bindings=(Binding(exchange=EVENTS, pattern=pattern), end)) for pattern in _FITS
    )
    provision(broker_url, Topology(exchanges=(EVENTS, "end"), queues=queues))
    publish(broker_url, *(event(0, routing_key=key, body=key.encode()) for key in _KEYS))
    publish(broker_url, event(0, exchange="end", body=b"end"))
    found = {}
    for pattern in _FITS:
        with open_inbound(broker_url, f"of {pattern}", name="tests") as inbound:
            seen = []
            while b"end" not in seen:
                seen += bodies(take(inbound, 1))
        found[pattern] = {body.decode() for body in seen} - {"end"}
    assert found == _FITS
