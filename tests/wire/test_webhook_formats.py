"""The bodies of webhooks, read by their receivers' own libraries where there is one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.http import from_http
from msgspec.structs import replace

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import Notification, NotificationType
from deploydb.domain.model.webhooks import TYPES, WebhookFormat
from deploydb.domain.notification_examples import example_of
from deploydb.domain.notification_words import headline
from deploydb.wire.webhook_formats import formatted, with_routing_key

PAGE = "https://deploydb.test/flows/3#deployment-7"


def notification(type_: str = "deployment.failed", **more: Any) -> Notification:
    given = {
        "time": datetime(2026, 11, 22, 12, tzinfo=UTC),
        "deployment": 7,
        "flow": 3,
        "kind": "deploy",
        "service": "foo",
        "environment": "prod",
        "artifact": Artifact(group="com.example", name="foo", version="1.0"),
        "attempt": 1,
        "reason": "no <disk> & more",
    }
    return Notification(type=type_, id="n-1", **given | more)  # type: ignore[arg-type]


def body(format_: WebhookFormat, *args: Any, **more: Any) -> Any:
    return made(format_, notification(*args, **more))


def made(format_: WebhookFormat, message: Notification) -> Any:
    return json.loads(formatted(format_, message, PAGE, "https://deploydb.test")[1])


def test_a_cloudevent_is_one() -> None:
    type_, text = formatted("cloudevents", notification(), PAGE, "https://deploydb.test")
    event = from_http({"content-type": type_}, text.encode())
    assert (event["id"], event["type"], event["source"], event["subject"]) == (
        "n-1",
        "dev.deploydb.deployment.failed",
        "https://deploydb.test",
        "foo/prod",
    )
    assert event.data["artifact"]["version"] == "1.0"


def test_slack_gets_blocks_with_escaped_text_and_a_link() -> None:
    message = body("slack", failure_response="stop")
    section, actions = message["blocks"]
    assert section["text"]["text"] == "*foo 1.0 failed in prod*\nno &lt;disk&gt; &amp; more\nThen: stop"
    assert [(one["text"]["text"], one["url"]) for one in actions["elements"]] == [("Open", PAGE)]


def test_a_wanted_approval_has_its_people_its_end_and_both_buttons() -> None:
    until = datetime(2026, 11, 23, tzinfo=UTC)
    message = body("slack", "approval.wanted", promotion="go", groups=("sre", "qa"), until=until)
    section, actions = message["blocks"]
    assert "May approve: sre, qa\nUntil: 2026-11-23 00:00:00 UTC" in section["text"]["text"]
    assert [(one["text"]["text"], one["url"]) for one in actions["elements"]] == [("Approve", PAGE), ("Refuse", PAGE)]


def test_teams_gets_an_adaptive_card() -> None:
    (attachment,) = body("teams")["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"], card["actions"][0]["url"]) == ("AdaptiveCard", "1.4", PAGE)
    assert [block["text"] for block in card["body"]] == ["foo 1.0 failed in prod", r"no <disk\> & more"]


def test_pagerduty_is_triggered_by_a_failure_and_resolved_by_a_success() -> None:
    trigger, resolve = body("pagerduty", reason="x" * 2000), body("pagerduty", "deployment.succeeded")
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "deploydb/foo/prod"
    assert len(trigger["payload"]["summary"]) == 1024
    assert trigger["payload"].keys() >= {"summary", "source", "severity"}
    assert json.loads(with_routing_key(json.dumps(resolve), "k")) == {"routing_key": "k", **resolve}


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("format_", ["json", "cloudevents", "cdevents", "slack", "teams", "pagerduty"])
def test_every_type_has_every_format(format_: WebhookFormat, type_: NotificationType) -> None:
    text = json.dumps(made(format_, example_of(type_)))
    assert "None" not in text
    assert "null" not in text.replace('"contentUrl": null', "")


@pytest.mark.parametrize(
    ("type_", "more", "line"),
    [
        ("flow.opened", {}, "storefront 1.4.2 is on its way"),
        ("deployment.failed", {}, "storefront 1.4.2 failed in prod"),
        ("freeze.overridden", {}, "storefront 1.4.2 passes the freeze of prod, by alice"),
        ("hold.placed", {}, "freeze of storefront in prod placed by alice"),
        ("hold.lifted", {"service": None, "environment": None}, "freeze of everything lifted by alice"),
        ("hold.placed", {"service": None}, "freeze of everything in prod placed by alice"),
        ("hold.placed", {"kind": "pin", "version": "1.0"}, "pin of storefront 1.0 in prod placed by alice"),
        ("rollback.requested", {"version": None}, "rollback of storefront in prod wanted by alice"),
        ("rollback.refused", {}, "rollback of storefront to 1.4.1 in prod not made"),
        ("rollback.started", {}, "storefront is being rolled back to 1.4.2 in prod"),
        ("rollback.failed", {}, "rollback of storefront to 1.4.2 in prod failed"),
        ("configuration.changed", {}, "another configuration is in force"),
    ],
)
def test_each_is_in_plain_words(type_: NotificationType, more: dict[str, Any], line: str) -> None:
    assert headline(replace(example_of(type_), **more)) == line


def test_what_a_publisher_writes_is_no_markup_in_any_chat() -> None:
    reason = "[Approve](https://evil.test) *now*" + "&" * 2000
    (attached,) = body("teams", reason=reason)["attachments"]
    shown = attached["content"]["body"][1]["text"]
    assert shown.startswith(r"\[Approve\]\(https://evil.test\) \*now\*&&")
    assert len(shown) < 600
    section = body("slack", reason=reason, failure_response="stop")["blocks"][0]["text"]["text"]
    assert section.endswith("&amp;\nThen: stop")


def test_a_long_text_is_cut_between_the_entities_of_slack() -> None:
    long = "<&" * 4000
    message = body("slack", "hold.placed", service=long, by=long, promotion=long, reason=long, groups=(long,))
    section = message["blocks"][0]["text"]["text"]
    assert len(message["text"]) <= 1000
    assert len(section) <= 2900
    for text in (message["text"], section):
        assert not text.replace("&lt;", "").replace("&amp;", "").count("&")
        assert text.rstrip("*").endswith(";")
