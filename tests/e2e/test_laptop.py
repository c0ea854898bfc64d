"""People's orders from a laptop: the command line has an address and a token, and neither broker nor database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.e2e.up import Up
from tests.gateway.given import GATED
from tests.servers.ports import free_port
from tests.workers.in_process import fact, published

WHY = ("--reason", "audit")


@pytest.fixture(
    params=[
        ("none", "none"),
        pytest.param(("shared_amqp_url", "shared_postgresql_url"), marks=pytest.mark.servers),
    ],
    ids=["embedded", "servers"],
)
def up(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Up]:
    """`deploydb up` on the configuration `GATED`, on each pair of servers."""
    write_config(tmp_path / "up/config", GATED)
    broker, database = (None if name == "none" else request.getfixturevalue(name) for name in request.param)
    made = Up(tmp_path / "up", free_port(), broker_url=broker, database_url=database)
    try:
        made.ready()
        yield made
    finally:
        made.close()


@pytest.fixture
def laptop(up: Up, tmp_path: Path) -> Shell:
    """A shell in another folder, with the address and the token of `up`, that waits for effects."""
    (tmp_path / "laptop").mkdir()
    token = (up.folder / "data/token").read_text().strip()
    made = Shell(tmp_path / "laptop", DEPLOYDB_URL=up.url, DEPLOYDB_TOKEN=token)
    del made.environment["DEPLOYDB_NO_WAIT"]
    return made


def test_each_order_of_a_person_has_its_effect(up: Up, laptop: Shell) -> None:
    up.publish(published("1.0"))
    assert up.deploy() == "dev"
    up.until(lambda: up.running().get("dev") == ["1.0"], "dev runs it")

    up.until(lambda: "manual" in laptop.run("why", "foo", "dev", "1.0").stdout, "people are asked")
    assert "smoke is no manual promotion" in laptop.fails(
        "refuse", "foo", "dev", "1.0", "--promotion", "smoke", "--comment", "no"
    )
    assert "manual approved for foo 1.0 in dev" in laptop.ok("approve", "foo", "dev", "--comment", "good").stderr
    assert up.deploy() == "prod"
    up.until(lambda: up.running().get("prod") == ["1.0"], "prod runs it")

    laptop.ok("freeze", "prod", *WHY, "--until", "2h")
    laptop.ok("freeze", "prod", "--reason", "sale")
    holds = laptop.json("holds")["holds"]
    assert sorted(hold["reason"] for hold in holds) == ["audit", "sale"]
    assert "choose one with --hold ID" in laptop.fails("thaw", "prod")
    laptop.ok("thaw", "prod", "--hold", holds[0]["id"])
    laptop.ok("thaw", "prod", "--all")
    assert laptop.json("holds")["holds"] == []
    assert "there is no freeze in prod" in laptop.fails("thaw", "prod")
    laptop.ok("pin", "foo", "prod", *WHY)
    laptop.ok("unpin", "foo", "prod")
    assert "--early" in laptop.fails("veto", "foo", "9", *WHY)
    laptop.ok("veto", "foo", "9", "--early", *WHY)
    laptop.ok("unveto", "foo", "9")
    laptop.ok("pause", "foo", *WHY)
    laptop.ok("resume", "foo")

    up.publish(published("1.1"))
    assert up.deploy() == "dev"
    up.until(lambda: up.running().get("dev") == ["1.1"], "dev runs 1.1")
    laptop.ok("promote", "foo", "prod", "1.1", "--yes", *WHY)
    assert up.deploy() == "prod"
    up.until(lambda: up.running().get("prod") == ["1.1"], "prod runs 1.1")
    assert "has not succeeded" in laptop.fails("rollback", "foo", "prod", "--to", "7", *WHY)
    laptop.ok("rollback", "foo", "prod", *WHY)
    assert up.deploy() == "prod"
    up.until(lambda: up.running().get("prod") == ["1.0"], "prod runs 1.0 again")
    laptop.ok("retry", "foo", "prod", *WHY)
    assert up.deploy() == "prod"

    laptop.ok("incident", "open", "foo", "prod", "INC-1", *WHY)
    laptop.ok("incident", "resolve", "foo", "prod")
    foo = {"group": "com.example", "name": "foo", "version": "9.0"}
    up.publish(*(fact("artifact.published", digest, artifact={**foo, "digest": digest}) for digest in ("a:1", "a:2")))
    up.until(lambda: "contradiction" in up._get("/api/inbox")["counts"], "the files contradict each other")
    assert "com.example:foo:9.0 is a:2" in laptop.ok("artifact", "accept", "foo", "9.0", "a:2", *WHY).stderr
    assert "contradiction" not in up._get("/api/inbox")["counts"]
    sources = {event["source"] for event in laptop.json("events", "--limit", "200")["events"]}
    person = next(source for source in sources if source.startswith("gateway/"))
    assert not any(source.startswith("cli/") for source in sources)
    assert "--by mallory: the order is by " in laptop.fails("pause", "foo", *WHY, "--by", "mallory", code=2)
    laptop.ok("pause", "foo", *WHY, "--by", person.removeprefix("gateway/"))

    refused = laptop.fails("freeze", "prod", *WHY, code=4, DEPLOYDB_TOKEN="ddb_wrong")
    assert "authentication required" in refused
    away = laptop.fails("freeze", "prod", *WHY, DEPLOYDB_URL="http://127.0.0.1:1")
    assert "no answer from http://127.0.0.1:1" in away
    assert [hold["kind"] for hold in laptop.json("holds")["holds"]] == ["pause"]
