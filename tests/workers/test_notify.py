"""Webhooks out: v1's calls, to the letter; endpoints that are away, slow, or answer anything but well."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.store.tables import outbox, webhook_delivery, webhook_endpoint
from tests.cluster import write_config
from tests.web import Web, web
from tests.workers.in_process import CONFIG, InProcess, fact, published, until

SMOKE = {"promotions/smoke.yml": "type: JenkinsPromotion\ndescription: Smoke test\n"}
PIPELINE = {"pipelines/main.yml": "environments:\n  dev:\n    promotions: [smoke]\n  prod:\n"}
JSON = "application/vnd.deploydb.{}.v1+json"


@pytest.fixture
def hook() -> Iterator[Web]:
    with web() as made:
        for path in ("/all", "/dev", "/other"):
            made.reply(path, 200)
        yield made


def listed(url: str, *states: str) -> str:
    """The lists of one URL, of every state."""
    names = states or ("created", "started", "completed", "verified", "failed")
    deployment = "".join(f"  {name}: [{url}]\n" for name in names)
    return f"deployment:\n{deployment}promotion:\n  completed: [{url}]\n"


def indented(text: str) -> str:
    return "webhooks:\n" + "".join(f"  {line}\n" for line in text.splitlines())


def configured(workshop: InProcess, files: dict[str, str]) -> None:
    """Configure webhooks and what they are for, and allow loopback."""
    write_config(workshop.config, CONFIG | SMOKE | PIPELINE | files)
    workshop.settings = replace(workshop.settings, outgoing_allow="127.0.0.1")
    workshop.provision()
    workshop.start("ingest", "promote", "relay", "notify")


def calls(hook: Web, path: str) -> list[tuple[str, dict[str, Any]]]:
    """Content types and bodies of the calls of a path, in their order."""
    return [
        (headers["content-type"], json.loads(body)) for _, asked, body, headers in list(hook.asked) if asked == path
    ]


def kinds(hook: Web, path: str) -> list[tuple[str, str]]:
    return [(kind.split(".")[2], body["environment"]) for kind, body in calls(hook, path)]


def test_v1_calls_tell_each_change_of_a_release(workshop: InProcess, hook: Web) -> None:
    configured(
        workshop,
        {
            "webhook/all.yml": listed(f"{hook.url}/all"),
            "environments/dev.yml": indented(listed(f"{hook.url}/dev")),
        },
    )
    workshop.publish(published("1.0"))
    (command,) = workshop.commands()
    until(lambda: len(kinds(hook, "/dev")) == 1, "created", within=5)
    workshop.publish(fact("deployment.started", "s", command=command.id))
    until(lambda: len(kinds(hook, "/dev")) == 2, "started", within=5)
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="succeeded"))
    until(lambda: len(kinds(hook, "/dev")) == 3, "completed", within=5)
    workshop.publish(
        fact(
            "verification.finished",
            "v",
            deployment=command.deployment,
            promotion="smoke",
            outcome="passed",
            url="http://jenkins.test/1",
        )
    )
    (second,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "f2", command=second.id, outcome="failed", reason="no disk"))
    until(lambda: (len(kinds(hook, "/all")), len(kinds(hook, "/dev"))) == (7, 5), "all of both", within=5)
    dev = [
        ("deploymentcreated", "dev"),
        ("deploymentstarted", "dev"),
        ("deploymentcompleted", "dev"),
        ("promotioncompleted", "dev"),
        ("deploymentverified", "dev"),
    ]
    assert kinds(hook, "/dev") == dev
    assert kinds(hook, "/all") == [*dev, ("deploymentcreated", "prod"), ("deploymentfailed", "prod")]
    assert calls(hook, "/dev") == calls(hook, "/all")[:5]
    assert [kind for kind, _ in calls(hook, "/dev")][:1] == [JSON.format("deploymentcreated")]
    assert [body["status"] for _, body in calls(hook, "/all")] == [
        *("CREATED", "STARTED", "COMPLETED", "VERIFIED", "SUCCESS", "CREATED", "FAILED")
    ]
    _, created = calls(hook, "/all")[0]
    assert list(created) == ["id", "artifact", "status", "service", "environment", "createdAt"]
    assert list(created["artifact"]) == ["id", "group", "name", "version", "sourceUrl", "createdAt"]
    _, promoted = calls(hook, "/all")[3]
    result = promoted.pop("promotionResult")
    assert promoted == created | {"status": "VERIFIED"}
    assert list(result) == ["id", "promotion", "status", "infoUrl", "createdAt"]
    assert (result["promotion"], result["status"]) == ("smoke", "SUCCESS")
    assert result["infoUrl"] == "http://jenkins.test/1"
    assert result["createdAt"].endswith("Z")
    assert len(workshop.rows(sa.select(webhook_delivery.c.id))) == 12


def test_a_url_of_both_lists_is_called_once_and_a_failed_promotion_is_verified(workshop: InProcess, hook: Web) -> None:
    url = f"{hook.url}/all"
    configured(workshop, {"webhook/all.yml": listed(url), "environments/dev.yml": indented(listed(url))})
    workshop.publish(published("1.0"))
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="succeeded"))
    workshop.publish(
        fact("verification.finished", "v", deployment=command.deployment, promotion="smoke", outcome="failed")
    )
    until(lambda: len(kinds(hook, "/all")) >= 4, "failed", within=5)
    kind, body = calls(hook, "/all")[2]
    assert (kind, body["status"]) == (JSON.format("promotioncompleted"), "VERIFIED")
    assert (body["promotionResult"]["status"], body["promotionResult"]["infoUrl"]) == ("FAILED", None)
    states = ["deploymentcreated", "deploymentcompleted", "promotioncompleted", "deploymentfailed"]
    assert kinds(hook, "/all") == [(state, "dev") for state in states]


def test_without_a_webhook_nothing_is_sent(workshop: InProcess) -> None:
    workshop.provision()
    workshop.start("ingest", "promote", "relay", "notify")
    workshop.publish(published("1.0"))
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.started", "s", command=command.id))
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="succeeded"))
    workshop.commands()
    sent = workshop.rows(sa.select(outbox.c.exchange).distinct())
    assert [row.exchange for row in sent] == ["deploydb.commands"]


def test_an_endpoint_that_fails_gets_all_in_order_and_delays_no_other(workshop: InProcess, hook: Web) -> None:
    away = f"{hook.url}/away"
    hook.reply("/away", 500, (429, b""), 200)
    lists = f"deployment:\n  created: [{away}, {hook.url}/hang, {hook.url}/other]\n  completed: [{away}]\n"
    configured(workshop, {"webhook/all.yml": lists})
    workshop.publish(published("1.0"))
    (command,) = workshop.commands()
    until(lambda: len(kinds(hook, "/other")) == 1, "the one that is well", within=5)
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="succeeded"))
    until(lambda: len(kinds(hook, "/away")) == 4, "the one that is back", within=20)
    assert [kind for kind, _ in kinds(hook, "/away")] == [*(["deploymentcreated"] * 3), "deploymentcompleted"]
    ids = [headers["webhook-id"] for _, path, _, headers in hook.asked if path == "/away"]
    assert len(set(ids[:3])) == 1
    columns = (webhook_delivery.c.attempts, webhook_delivery.c.status, webhook_delivery.c.problem)
    mine = sa.select(*columns).where(webhook_delivery.c.endpoint == away, webhook_delivery.c.delivered_at.is_not(None))
    until(lambda: len(workshop.rows(mine)) == 2, "both are written down", within=5)
    assert workshop.rows(mine.order_by(webhook_delivery.c.id)) == [(3, 200, None), (1, 200, None)]


def test_a_redirect_to_loopback_is_not_followed(workshop: InProcess, hook: Web) -> None:
    hook.reply("/moved", (302, f"{hook.url}/other".encode()))
    configured(workshop, {"webhook/all.yml": f"deployment:\n  created: [{hook.url}/moved]\n"})
    workshop.publish(published("1.0"))
    failing = sa.select(webhook_endpoint.c.problem).where(webhook_endpoint.c.failures > 0)
    until(lambda: workshop.rows(failing), "the first attempt", within=5)
    assert "redirects are not followed" in workshop.rows(failing)[0].problem
    assert "/other" not in hook.paths()
    (row,) = workshop.rows(sa.select(webhook_delivery.c.status, webhook_delivery.c.delivered_at))
    assert (row.status, row.delivered_at) == (302, None)
