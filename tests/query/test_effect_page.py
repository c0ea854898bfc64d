"""The page with what came of an order, and the forms that lead to it."""

from urllib.request import Request, urlopen

from tests.pages.given import served
from tests.query.client import Service

HTML = {"accept": "text/html"}
LANE = {"service": "foo", "environment": "dev", "version": "1.0"}
EVIL = "<script>alert(1)</script>"


def test_the_page_has_the_effect_of_an_order(embedded: Service) -> None:
    world = embedded.world
    page = "/effect?source=tests&id=x"
    assert "It is not recorded yet." in embedded.ask(page, **HTML).text
    world.publish("1.0")
    world.evaluate()
    world.deploy("failed")
    world.tell("retry.requested", **LANE, id="x", by="ann", reason=EVIL)
    waiting = embedded.ask(page, **HTML).text
    assert "it is not evaluated yet" in waiting
    assert 'http-equiv="refresh"' in waiting
    world.evaluate()
    counted = embedded.ask(page, **HTML).text
    assert "<b>It counts</b>: attempt 2, by ann: &lt;script&gt;" in counted
    assert ('http-equiv="refresh"' in counted, EVIL in counted) == (False, False)
    world.tell("retry.requested", **LANE, id="y", by="bob", reason="too")
    world.evaluate()
    assert (
        "<b>It does not count</b>: 1.0 is not attempted again in dev" in embedded.ask("/effect?source=tests&id=y").text
    )


def test_another_attempt_is_offered_to_those_who_may_where_there_can_be_one(embedded: Service) -> None:
    world = embedded.world
    world.publish("1.0")
    world.evaluate()
    addresses = ("/why/foo/dev?version=1.0", "/services/foo", "/flows/1")
    with served(world) as url:

        def offered(verb: str, *, person: str | None = "alice") -> list[bool]:
            headers = {"Person": person} if person is not None else {}
            pages = [urlopen(Request(f"{url}{path}", headers=headers)).read().decode() for path in addresses]
            return [f"<summary>{verb}<" in page for page in pages]

        assert offered("Try again") == [False, False, False], "it is being deployed"
        world.deploy("failed")
        assert offered("Try again") == [True, True, True]
        assert offered("Try again", person=None) == [False, False, False]
        past = urlopen(Request(f"{url}/why/foo/dev?at=2026-11-22T12:00:00Z", headers={"Person": "alice"}))
        assert b"<summary>Try again" not in past.read()
        world.tell("retry.requested", **LANE, by="ann", reason="the disk is empty")
        world.evaluate(minutes=1)
        world.deploy()
        assert offered("Deploy again") == [True, True, True]


def test_no_attempt_is_offered_of_what_a_newer_version_went_past(embedded: Service) -> None:
    world = embedded.world
    world.publish("1.0")
    world.publish("2.0")
    world.evaluate()
    world.deploy()
    assert world.statuses("1.0") == {"dev": "SKIPPED", "prod": "SKIPPED"}
    with served(world) as url:
        for path in ("/flows/1", "/why/foo/dev?version=1.0", "/why/foo/prod?version=1.0"):
            page = urlopen(Request(f"{url}{path}", headers={"Person": "alice"})).read().decode()
            assert "superseded by 2.0" in page
            assert "/api/retries" not in page
