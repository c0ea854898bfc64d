"""Notifications of what is about no single deployment, and of rollbacks and overrides, in the transaction of each."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import DeploymentTransitioned, VerdictChanged
from deploydb.domain.model.admission_reasons import FreezeOverridden
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import AwaitingApproval
from deploydb.domain.model.reasons import NotRecorded, Reason
from deploydb.store.messages import notifications_of
from deploydb.store.tables import outbox, wanted_notification, webhook_delivery
from tests.cluster import write_config
from tests.domain.given import deployment
from tests.web import Web, web
from tests.workers.in_process import CONFIG, InProcess, fact, published, until

ACCESS = "groups: {sre: [sue]}\noverride_freeze: [sre]\n"
WHY = {"by": "sue", "reason": "sale"}


@pytest.fixture
def hook() -> Iterator[Web]:
    with web() as made:
        made.reply("/all", 200)
        made.reply("/prod", 200)
        yield made


def received(hook: Web, path: str = "/all") -> list[dict[str, Any]]:
    return [json.loads(body) for _, asked, body, _ in list(hook.asked) if asked == path]


def of(hook: Web, *types: str, path: str = "/all") -> list[dict[str, Any]]:
    """What has come of these types, once there is one of the last."""

    def found() -> list[dict[str, Any]]:
        return [one for one in received(hook, path) if one["type"] in types]

    until(lambda: [one for one in found() if one["type"] == types[-1]], types[-1])
    return found()


def start(workshop: InProcess, files: dict[str, str]) -> None:
    write_config(workshop.config, CONFIG | {"access.yml": ACCESS} | files)
    workshop.settings = replace(workshop.settings, outgoing_allow="127.0.0.1")
    workshop.provision()
    workshop.start("ingest", "promote", "relay", "notify")
    wanted = sa.select(wanted_notification.c.type)
    until(lambda: "hold.placed" in {row.type for row in workshop.rows(wanted)}, "promote has the configuration")


def hold(what: str, **more: str) -> bytes:
    """A freeze of dev that is placed or lifted."""
    named = {"type": f"hold.{what}", "id": what, "source": "tests", "kind": "freeze", "environment": "dev"}
    return json.dumps(named | WHY | more).encode()


def test_each_change_of_state_has_its_notification(workshop: InProcess, hook: Web) -> None:
    files = {
        "webhook/all.yml": f"url: {hook.url}/all\n",
        "webhook/prod.yml": f"url: {hook.url}/prod\nenvironments: [prod]\ntypes: [hold.placed, flow.opened]\n",
    }
    start(workshop, files)
    workshop.publish(published("1.0"))
    (first,) = workshop.commands()
    (opened,) = of(hook, "flow.opened")
    assert (opened["service"], opened["artifact"]["version"], opened["flow"]) == ("foo", "1.0", first.flow)
    workshop.publish(fact("deployment.finished", "f1", command=first.id, outcome="succeeded"))
    (onward,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "p1", command=onward.id, outcome="succeeded"))
    place = {"service": "foo", "environment": "dev"}
    freeze = hold("placed", until="2999-01-01T00:00:00Z")
    workshop.publish(freeze, freeze)
    (held,) = of(hook, "hold.placed")
    assert {name: held[name] for name in ("kind", "environment", "by", "reason", "until")} == {
        "kind": "freeze",
        "environment": "dev",
        "by": "sue",
        "reason": "sale",
        "until": "2999-01-01T00:00:00Z",
    }
    assert "service" not in held
    workshop.publish(published("2.0"))
    waiting = of(hook, "flow.opened", "verdict.changed")
    (frozen,) = [one for one in waiting if one["type"] == "verdict.changed" and one["promotion"] == "freeze"]
    word = {"deployment": frozen["deployment"], "promotion": "freeze", "by": "sue", "comment": "the fix"}
    workshop.publish(fact("approval.given", "a1", **word))
    (passed,) = of(hook, "freeze.overridden")
    assert (passed["by"], passed["deployment"], "the fix" in passed["reason"]) == ("sue", frozen["deployment"], True)
    (second,) = workshop.commands()
    workshop.publish(hold("lifted"))
    (lifted,) = of(hook, "hold.lifted")
    assert (lifted["kind"], "hold" in lifted) == ("freeze", False)
    workshop.publish(fact("deployment.finished", "f2", command=second.id, outcome="succeeded"))
    of(hook, "deployment.succeeded")
    workshop.publish(fact("rollback.requested", "r1", **place, **WHY, version="0.9"))
    (asked, refused) = of(hook, "rollback.requested", "rollback.refused")
    assert (asked["version"], asked["by"], asked["reason"]) == ("0.9", "sue", "sale")
    assert (refused["version"], refused["by"]) == ("0.9", "sue")
    assert "nothing to roll back to" in refused["reason"]
    until(lambda: len([one for one in received(hook) if one["type"] == "deployment.succeeded"]) >= 2, "both")
    workshop.publish(fact("rollback.requested", "r2", **place, **WHY))
    (begun,) = of(hook, "rollback.started")
    assert (begun["kind"], begun["artifact"]["version"]) == ("rollback", "1.0")
    (back,) = [one for one in workshop.commands(2) if one.type == "rollback"]
    workshop.publish(fact("deployment.finished", "f3", command=back.id, outcome="succeeded"))
    (ended,) = of(hook, "rollback.succeeded")
    assert ended["deployment"] == begun["deployment"]
    write_config(workshop.config, {"environments/dev.yml": "deadline: 2h\n"})
    changed = until(lambda: [one for one in received(hook) if one.get("differences")], "the configuration")
    assert [one["type"] for one in changed] == ["configuration.changed"]
    assert any("deadline" in one for one in changed[0]["differences"])
    ids = [one["id"] for one in received(hook)]
    assert len(ids) == len(set(ids))
    kinds = {one["type"] for one in of(hook, "hold.placed", "flow.opened", path="/prod")}
    assert kinds == {"flow.opened"}  # a freeze of another environment is not for it
    sent = workshop.rows(sa.select(outbox.c.routing_key).where(outbox.c.exchange == "deploydb.notifications"))
    keys = {row.routing_key for row in sent}
    assert {"flow.opened.-.foo", "hold.placed.dev.-", "configuration.changed.-.-", "rollback.started.dev.foo"} <= keys


def test_the_same_decision_has_the_same_id() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    decision = DeploymentTransitioned(what="succeeded", deployment=deployment(), reason=NotRecorded())
    types = ("deployment.succeeded",)
    first, again = (next(notifications_of("foo", decision, now, types)) for _ in range(2))
    assert first.id == again.id
    other = replace(decision, deployment=deployment(id=8))
    assert next(notifications_of("foo", other, now, types)).id != first.id


def test_a_reason_alone_asks_and_overrides_only_once() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    types = ("approval.wanted", "freeze.overridden")
    waits, passes = AwaitingApproval(missing=1, groups=("sre",)), FreezeOverridden(freezes=(), by=())

    def sent(reason: Reason, since: datetime, **flags: bool) -> list[str]:
        verdict = Verdict(promotion="go", outcome=GateStatus.PENDING, reason=reason, since=since)
        decision = VerdictChanged(deployment=deployment(), verdict=verdict, **flags)
        return [one.type for one in notifications_of("foo", decision, now, types)]

    earlier = now - timedelta(hours=1)
    assert (sent(waits, now, asks=True), sent(waits, earlier)) == (["approval.wanted"], [])
    assert sent(waits, earlier, asks=True) == ["approval.wanted"], "others may approve"
    assert (sent(passes, earlier, overrides=True), sent(passes, now)) == (["freeze.overridden"], [])


def test_a_template_makes_the_body(workshop: InProcess, hook: Web) -> None:
    text = '{"why": {{ reason | tojson }}, "what": {{ headline | tojson }}, "at": {{ link | tojson }}}'
    named = f"url: {hook.url}/all\nformat: template\ncontent_type: application/vnd.acme+json\ntypes: [hold.placed]\n"
    start(workshop, {"webhook/acme.yml": f"{named}template: |\n  {text}\n"})
    workshop.publish(hold("placed", reason='the "big" sale'))
    (body,) = until(lambda: received(hook), "the call")
    assert body["why"] == 'the "big" sale'
    assert body["what"] == "freeze of everything in dev placed by sue"
    assert [headers["content-type"] for _, _, _, headers in hook.asked] == ["application/vnd.acme+json"]


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (
            "{{ reason | tojson | tojson | tojson }}{% for x in details %}" + "{{ reason }}" * 300 + "{% endfor %}",
            "makes more than 262,144 characters",
        ),
        (
            "{% if (reason|length) > 60 %}{{ reason | truncate(2) }}{% endif %}",
            "AssertionError: expected length >= 3, got 2",
        ),
    ],
)
def test_what_a_template_cannot_be_made_of_is_dead_and_stops_nothing(
    workshop: InProcess, hook: Web, template: str, problem: str
) -> None:
    files = {
        "webhook/a.yml": f"url: {hook.url}/all\nformat: template\ntypes: [hold.placed]\ntemplate: '{template}'\n"
        "content_type: text/plain\n",
        "webhook/b.yml": f"url: {hook.url}/prod\ntypes: [hold.placed]\n",
    }
    start(workshop, files)
    workshop.publish(hold("placed", reason="x" * 2000, until="2999-01-01T00:00:00Z"))
    until(lambda: received(hook, "/prod"), "the other")
    rows = workshop.rows(sa.select(webhook_delivery.c.problem).where(webhook_delivery.c.dead_at.is_not(None)))
    assert [row.problem for row in rows] == [f"line 1 of the template: {problem}"]
    assert received(hook) == []
