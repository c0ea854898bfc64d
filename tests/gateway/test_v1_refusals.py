"""Writes of the v1 interface that are refused, not confirmed, or not evaluated yet; and who may write."""

import gzip
import json
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from deploydb.domain.model.errors import Misconfigured
from deploydb.gateway.v1_access import Writers
from deploydb.settings import Settings
from tests.gateway.given import ALICE, JENKINS, PROXY, Gateway, gateway, story
from tests.gateway.v1 import ARTIFACT, JSON, V1, send
from tests.servers.ports import free_port

NEXT = {**ARTIFACT, "version": "2.0"}
POST, PATH = "POST", "/api/artifacts"
OPEN = Writers(mode="open")


@pytest.fixture
def asked(sqlite_url: str, embedded_url: str) -> Iterator[Gateway]:
    """Open to loopback; foo 1.0 runs in dev, where smoke awaits its result."""
    with story(sqlite_url) as world, gateway(world, embedded_url, writers=OPEN) as made:
        yield made


def test_the_effect_is_not_waited_for_longer_than_the_client_wants(asked: Gateway) -> None:
    result = {"name": "smoke", "status": "SUCCESS"}
    for method, path, fields, location in (
        (POST, PATH, NEXT, "/api/artifacts/by-module/com.example:foo"),
        (POST, "/api/deployments/1/promotions", result, "/api/deployments/1/promotions/1"),
    ):
        answer = send(asked, method, path, fields, prefer="wait=0", accept=V1)
        assert (answer.status_code, answer.headers["location"]) == (202, location)
        assert (answer.headers["preference-applied"], answer.headers["content-type"]) == ("wait=0", V1)
    published, verified = asked.received()
    assert published["artifact"]["url"] == NEXT["sourceUrl"]
    assert (published["type"], published["source"]) == ("artifact.published", "v1@127.0.0.1")
    assert (verified["deployment"], verified["promotion"], verified["outcome"]) == (1, "smoke", "passed")


def test_a_write_that_is_sent_again_is_the_same_fact(asked: Gateway) -> None:
    for _ in range(2):
        assert send(asked, POST, PATH, NEXT, prefer="wait=0").status_code == 202
    first, again = asked.received()
    assert first == again
    assert send(asked, POST, PATH, {**NEXT, "version": "2.1"}, prefer="wait=0").status_code == 202
    assert asked.received()[0]["id"] != first["id"]


def test_without_a_confirm_of_the_broker_it_is_503(sqlite_url: str, embedded_url: str) -> None:
    port = free_port()
    gone = f"amqp://guest:guest@127.0.0.1:{port}/"
    with story(sqlite_url) as world, gateway(world, embedded_url, publishes_to=gone, writers=OPEN) as asked:
        answer = send(asked, POST, PATH, NEXT)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["message"] == "the broker has not confirmed it: send it again, it counts once"
        counted = {"type": "artifact.published", "result": "unconfirmed"}
        assert asked.metric("deploydb_gateway_v1_writes_total", **counted) == 1


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"", 422, "group is missing; name is missing; version is missing; sourceUrl is missing"),
        (b"null", 422, "group is missing; name is missing; version is missing; sourceUrl is missing"),
        (b"{}", 422, "group is missing; name is missing; version is missing; sourceUrl is missing"),
        (b"{", 400, "the body is no JSON object"),
        (b"[]", 400, "the body is no JSON object"),
        (b'"x"', 400, "the body is no JSON object"),
        (b'{"group":"%s"}' % (b"x" * 8193), 422, "group has 8193 characters, at most 8192 are taken"),
        (b'{"version":"%s"}' % (b"x" * 256), 422, "version has 256 characters, at most 255 are taken"),
        (b'{"name":["x"]}', 422, 'name expected a text, found ["x"]'),
        (b'{"version":true}', 422, "version expected a text, found true"),
        (b'{"group":"a","name":"b","version":"1","sourceUrl":"u"}', 404, "a:b is in no service"),
        (b"x" * 600_000, 413, "the body has more than 524288 bytes"),
        (json.dumps(dict.fromkeys(("group", "name", "sourceUrl"), "😀" * 8192) | {"version": "1"}).encode(), 404, "😀"),
    ],
)
def test_an_artifact_that_is_none_is_refused_and_not_stored(
    asked: Gateway, content: bytes, status: int, message: str
) -> None:
    answer = send(asked, POST, PATH, content=content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == JSON
    assert message in answer.json()["message"]
    assert asked.received() == []


def test_each_field_may_be_as_long_as_it_may(asked: Gateway) -> None:
    long = {**NEXT, "sourceUrl": "ü" * 8192, "version": "9" * 255}
    assert send(asked, POST, PATH, long, prefer="wait=0").status_code == 202
    (fact,) = asked.received()
    assert fact["artifact"]["url"] == long["sourceUrl"]


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        ("PATCH", "/api/deployments/1", {}, 422),
        ("PATCH", "/api/deployments/one", {"status": "STARTED"}, 400),
        ("PATCH", "/api/deployments/99", {}, 422),
        ("PATCH", "/api/deployments/99", {"status": "x"}, 400),
        ("PATCH", "/api/deployments/99", {"status": "STARTED"}, 404),
        ("PATCH", "/api/deployments/-1", {"status": "STARTED"}, 404),
        ("PATCH", "/api/deployments/-1", {}, 422),
        ("PATCH", "/api/deployments/one", {}, 400),
        (POST, "/api/deployments/99999999999999999999/promotions", {"name": "smoke", "status": "PASS"}, 400),
        ("PATCH", "/api/deployments/99999999999999999999", {"status": "STARTED"}, 404),
        (POST, "/api/deployments/1/promotions", {}, 422),
        (POST, "/api/deployments/1/promotions", {"status": "SUCCESS"}, 422),
        (POST, "/api/deployments/1/promotions", {"name": "smoke", "status": "PASS"}, 400),
        (POST, "/api/deployments/1/promotions", {"name": "smoke", "infoUrl": 5}, 422),
        (POST, "/api/deployments/99/promotions", {"name": "smoke"}, 404),
        (POST, "/api/deployments/1/promotions", {"name": "smoke"}, 406),
        ("DELETE", "/api/deployments/1", {}, 405),
        ("PUT", "/api/artifacts", {}, 405),
    ],
)
def test_checks_come_in_their_order(asked: Gateway, method: str, path: str, fields: object, status: int) -> None:
    answer = send(asked, method, path, fields)
    assert (answer.status_code, answer.json()["code"]) == (status, status)
    assert asked.received() == []


def test_media_types_are_those_of_v1(asked: Gateway) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/vnd.deploydb.v2+json"):
        assert send(asked, POST, PATH, NEXT, content_type=kind).status_code == 415
    assert send(asked, POST, PATH, NEXT, content_type="").status_code == 415
    assert send(asked, POST, PATH, content=b"", content_type="").status_code == 422
    assert send(asked, POST, PATH, NEXT, accept="application/xml").status_code == 406
    packed = send(asked, POST, PATH, content=gzip.compress(b"{}"), content_encoding="gzip")
    assert (packed.status_code, packed.headers["accept-encoding"]) == (415, "identity")
    assert packed.json()["message"] == "content encoding gzip is not taken: send the body as it is"
    taken = send(asked, POST, PATH, NEXT, content_type=f"{JSON}; charset=utf-8", accept="*/*", prefer="wait=0")
    assert taken.status_code == 202


def test_clients_of_other_networks_and_pages_of_other_sites_do_not_write(asked: Gateway) -> None:
    assert send(asked.at("192.0.2.7"), POST, PATH, NEXT).status_code == 401
    assert send(asked, POST, PATH, NEXT, origin="http://elsewhere.example").status_code == 403
    assert send(asked, POST, PATH, NEXT, authorization="Bearer ddb_wrong").status_code == 401
    assert send(asked, POST, PATH, NEXT, x_forwarded_for="127.0.0.1").status_code == 401, "any proxy's client"
    assert send(asked.at(PROXY), POST, PATH, NEXT).status_code == 401, "a proxy that does not name its client"
    assert send(asked.at(PROXY), POST, PATH, NEXT, x_forwarded_for="127.0.0.1, 192.0.2.7").status_code == 401
    assert asked.received() == []
    assert send(asked.at(PROXY), POST, PATH, NEXT, x_forwarded_for="::1", prefer="wait=0").status_code == 202
    assert send(asked.at("::ffff:127.0.0.3"), POST, PATH, NEXT, prefer="wait=0").status_code == 202
    assert [fact["source"] for fact in asked.received()] == ["v1@::1", "v1@127.0.0.3"]


def test_with_tokens_a_program_needs_the_scope_write(sqlite_url: str, embedded_url: str) -> None:
    with story(sqlite_url) as world, gateway(world, embedded_url) as asked:
        assert send(asked, POST, PATH, NEXT).status_code == 401
        answer = send(asked, POST, PATH, NEXT, authorization=f"Bearer {ALICE}")
        assert (answer.status_code, answer.json()["message"]) == (403, "alice lacks the scope write")
        assert send(asked, POST, PATH, NEXT, authorization=f"Bearer {JENKINS}", prefer="wait=0").status_code == 202
        assert [fact["source"] for fact in asked.received()] == ["gateway/jenkins"]
        assert asked.ask("/tasks/configReload").status_code == 401


def test_v1_is_open_on_loopback_and_asks_for_a_token_elsewhere() -> None:
    given = Settings()
    assert Writers.of(given, listen="127.0.0.1:8080") == OPEN
    assert Writers.of(given, listen="[::1]:8080").mode == "open"
    assert Writers.of(given, listen="0.0.0.0:8080").mode == "token"
    opened = Writers.of(replace(given, v1_writes="open", v1_clients="10.0.0.0/8, ::1"), listen="0.0.0.0:8080")
    assert (opened.mode, [str(one) for one in opened.networks]) == ("open", ["10.0.0.0/8", "::1/128"])
    with pytest.raises(Misconfigured, match="DEPLOYDB_V1_WRITES is 'no': expected token or open"):
        Writers.of(replace(given, v1_writes="no"), listen="127.0.0.1:8080")
    with pytest.raises(Misconfigured, match="DEPLOYDB_V1_CLIENTS: ci is neither an address nor a network"):
        Writers.of(replace(given, v1_clients="ci"), listen="127.0.0.1:8080")
