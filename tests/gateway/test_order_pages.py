"""The page with the orders for a lane: its forms are sent as a browser without scripts does."""

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import structlog
from starlette.middleware import Middleware

from deploydb.http.authentication import Authentication, Authenticator
from deploydb.http.sessions import Sessions
from deploydb.identity import FORM_COOKIE, SESSION_COOKIE
from deploydb.query.app import application
from tests.gateway.given import ALICE, IDENTITY, SECRET, Asked, Gateway, session

EVIL = "<script>alert(1)</script>"


class Forms(HTMLParser):
    """The forms of a page that are posted: the path, the fields as they are, and each button's name and value."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.found.append({"path": given.get("action"), "fields": {}, "buttons": []})
        elif tag in ("input", "textarea") and self.found and given.get("name"):
            self.found[-1]["fields"][given["name"]] = given.get("value") or ""
        elif tag == "button" and self.found and given.get("type") != "button":
            self.found[-1]["buttons"].append((given.get("name"), given.get("value") or ""))


def page(asked: Gateway, address: str, *, signed_in: str | None = ALICE) -> str:
    """A page of the query service on the gateway's store."""
    app = application(
        asked.world.engine,
        lambda: asked.world.catalog,
        log=structlog.get_logger(),
        clock=lambda: asked.world.now,
        authentication=Middleware(Authentication, authenticator=Authenticator(lambda: IDENTITY, Sessions())),
    )
    cookies = {FORM_COOKIE: SECRET} | ({SESSION_COOKIE: session(signed_in)} if signed_in is not None else {})
    answer = Asked(app, peer="127.0.0.1").ask(address, method="GET", cookies=cookies, accept="text/html")
    assert answer.status_code == 200, answer.text
    return answer.text


def forms(asked: Gateway, address: str) -> list[dict[str, Any]]:
    return [one for one in Forms(page(asked, address)).found if str(one["path"]).startswith("/api/")]


def send(asked: Gateway, form: dict[str, Any], button: int = 0) -> dict[str, Any]:
    """The fact that a form becomes with this button, taken off the queue."""
    name, value = form["buttons"][button]
    fields = {**form["fields"], "reason": EVIL, **({name: value} if name else {})}
    del fields["form"]
    answer = asked.submit(form["path"], fields, signed_in=ALICE, sec_fetch_site="same-origin", accept="text/html")
    assert (answer.status_code, answer.headers["location"].startswith("/effect?")) == (303, True), answer.text
    (fact,) = asked.received()
    return {name: value for name, value in fact.items() if name not in ("id", "source", "time", "hold")}


def test_a_version_is_promoted_past_the_stages_that_the_page_names(asked: Gateway) -> None:
    text = page(asked, "/orders/foo/prod?version=1.0")
    assert "<b>skip dev</b>, where it is not through yet" in text
    (form,) = [one for one in forms(asked, "/orders/foo/prod?version=1.0") if one["path"] == "/api/promotions"]
    lane = {"service": "foo", "environment": "prod", "version": "1.0"}
    assert send(asked, form) == {"type": "promotion.requested", **lane, "skip": ["dev"], "by": "alice", "reason": EVIL}
    there = page(asked, "/orders/foo/dev?version=1.0")
    assert "It would not count: 1.0 is COMPLETED" in there
    assert 'action="/api/promotions"' not in there


def test_a_rollback_is_shown_first_and_names_both_versions(asked: Gateway) -> None:
    text = page(asked, "/orders/foo/dev")
    assert "Nothing to roll back to: no other version has succeeded here</span>." in text
    assert "note bad" not in text
    assert 'deploydb rollback foo dev <span class="whole">--dry-run</span></code>' in text
    assert "9.9 has not succeeded in dev" in page(asked, "/orders/foo/dev?to=9.9")
    assert "note bad" in page(asked, "/orders/foo/dev?to=9.9")
    lane = {"service": "foo", "environment": "dev", "version": "1.0"}
    asked.world.tell("verification.finished", **lane, promotion="smoke", outcome="passed")
    asked.world.tell("approval.given", **lane, promotion="manual", by="bob")
    asked.world.evaluate()
    asked.world.deploy()
    asked.world.publish("1.1")
    asked.world.evaluate()
    asked.world.deploy()
    (form,) = [one for one in forms(asked, "/orders/foo/dev") if one["path"] == "/api/rollbacks"]
    fact = send(asked, form)
    assert (fact["type"], fact["from"], fact["version"], fact["by"]) == ("rollback.requested", "1.1", "1.0", "alice")


def test_a_rollback_under_a_freeze_says_that_it_would_wait(asked: Gateway) -> None:
    lane = {"service": "foo", "environment": "dev", "version": "1.0"}
    asked.world.tell("verification.finished", **lane, promotion="smoke", outcome="passed")
    asked.world.tell("approval.given", **lane, promotion="manual", by="bob")
    asked.world.evaluate()
    asked.world.deploy()
    asked.world.publish("1.1")
    asked.world.evaluate()
    asked.world.deploy()
    assert '<button class="no">Roll back to 1.0</button>' in page(asked, "/orders/foo/dev")
    ends = (asked.world.now + timedelta(days=2)).isoformat()
    asked.world.tell("hold.placed", kind="freeze", environment="dev", by="carol", reason="sale", until=ends)
    text = page(asked, "/orders/foo/dev")
    assert "It would wait: dev is frozen by carol: sale (until <span" in text
    assert "<button>Roll back to 1.0 once the freeze is over or overridden</button>" in text


def test_each_hold_is_placed_and_lifted(asked: Gateway) -> None:
    placing = [one for one in forms(asked, "/orders/foo/dev") if one["path"] == "/api/holds"]
    sent = [send(asked, form, button) for form in placing for button in range(len(form["buttons"]))]
    scopes = [(one["kind"], one.get("service"), one.get("environment"), one.get("version")) for one in sent]
    assert scopes == [
        ("freeze", "foo", "dev", None),
        ("freeze", None, "dev", None),
        ("pause", "foo", "dev", None),
        ("pause", "foo", None, None),
        ("pin", "foo", "dev", "1.0"),
        ("veto", "foo", None, "1.0"),
        ("veto", "foo", "dev", "1.0"),
    ]
    for number, one in enumerate(sent):
        asked.world.tell(one.pop("type"), **one, hold=None if one["kind"] == "pin" else f"hold-{number}")
    text = page(asked, "/orders/foo/dev")
    assert EVIL not in text
    assert "&lt;script&gt;alert(1)" in text
    lifting = [one for one in forms(asked, "/orders/foo/dev") if one["fields"].get("decision") == "lift"]
    lifted = [send(asked, form) for form in lifting]
    assert sorted(one["kind"] for one in lifted) == sorted(kind for kind, *_ in scopes)
    assert {one["type"] for one in lifted} == {"hold.lifted"}


@pytest.mark.parametrize("signed_in", [None, "ddb_jenkins"])
def test_there_is_no_form_for_those_who_may_give_no_orders(asked: Gateway, signed_in: str | None) -> None:
    text = page(asked, "/orders/foo/dev?version=1.0", signed_in=signed_in)
    assert not any(path in text for path in ("/api/holds", "/api/promotions", "/api/rollbacks"))
    assert ("Sign in to give orders" if signed_in is None else "jenkins may not give orders") in text


def test_the_pages_of_a_service_and_a_lane_lead_there(asked: Gateway) -> None:
    for address in ("/services/foo", "/why/foo/dev?version=1.0"):
        assert 'href="/orders/foo/dev' in page(asked, address)
        assert 'href="/orders/' not in page(asked, address, signed_in=None)
