"""Webhooks out: v1's calls, to the letter; endpoints that are away, slow, or answer anything but well."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from standardwebhooks import Webhook

from deploydb.store.engine import open_engine
from deploydb.store.tables import outbox, wanted_notification, webhook_delivery, webhook_endpoint
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
    until(lambda: len(kinds(hook, "/dev")) == 1, "created")
    workshop.publish(fact("deployment.started", "s", command=command.id))
    until(lambda: len(kinds(hook, "/dev")) == 2, "started")
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="succeeded"))
    until(lambda: len(kinds(hook, "/dev")) == 3, "completed")
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
    until(lambda: (len(kinds(hook, "/all")), len(kinds(hook, "/dev"))) == (7, 5), "all of both")
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
    until(lambda: len(kinds(hook, "/all")) >= 4, "failed")
    kind, body = calls(hook, "/all")[2]
    assert (kind, body["status"]) == (JSON.format("promotioncompleted"), "VERIFIED")
    assert (body["promotionResult"]["status"], body["promotionResult"]["infoUrl"]) == ("FAILED", None)
    states = ["deploymentcreated", "deploymentcompleted", "promotioncompleted", "deploymentfailed"]
    assert kinds(hook, "/all") == [(state, "dev") for state in states]


def test_the_queue_of_webhooks_that_are_gone_is_emptied(workshop: InProcess, hook: Web) -> None:
    write_config(workshop.config, CONFIG | {"webhook/all.yml": listed(f"{hook.url}/all")})
    workshop.provision()
    workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1.0"))
    workshop.commands()
    (workshop.config / "webhook/all.yml").unlink()
    (notify,) = workshop.start("notify")
    until(lambda: notify.metric("deploydb_notify_notifications_total") > 0, "what waited is taken")
    assert workshop.rows(sa.select(webhook_delivery.c.id)) == []


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
    until(lambda: len(kinds(hook, "/other")) == 1, "the one that is well")
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="succeeded"))
    until(lambda: len(kinds(hook, "/away")) == 4, "the one that is back")
    assert [kind for kind, _ in kinds(hook, "/away")] == [*(["deploymentcreated"] * 3), "deploymentcompleted"]
    ids = [headers["webhook-id"] for _, path, _, headers in hook.asked if path == "/away"]
    assert len(set(ids[:3])) == 1
    columns = (webhook_delivery.c.attempts, webhook_delivery.c.status, webhook_delivery.c.problem)
    mine = sa.select(*columns).where(webhook_delivery.c.endpoint == away, webhook_delivery.c.delivered_at.is_not(None))
    until(lambda: len(workshop.rows(mine)) == 2, "both are written down")
    assert workshop.rows(mine.order_by(webhook_delivery.c.id)) == [(3, 200, None), (1, 200, None)]


def test_a_redirect_to_loopback_is_not_followed(workshop: InProcess, hook: Web) -> None:
    hook.reply("/moved", (302, f"{hook.url}/other".encode()))
    configured(workshop, {"webhook/all.yml": f"deployment:\n  created: [{hook.url}/moved]\n"})
    workshop.publish(published("1.0"))
    failing = sa.select(webhook_endpoint.c.problem).where(webhook_endpoint.c.failures > 0)
    until(lambda: workshop.rows(failing), "the first attempt")
    assert "redirects are not followed" in workshop.rows(failing)[0].problem
    assert "/other" not in hook.paths()
    (row,) = workshop.rows(sa.select(webhook_delivery.c.status, webhook_delivery.c.delivered_at))
    assert (row.status, row.delivered_at) == (302, None)


def test_a_webhook_with_a_name_gets_its_types_in_its_format_signed(
    workshop: InProcess, hook: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    monkeypatch.setenv("DEPLOYDB_WEBHOOK_URL", f"{hook.url}/all")
    monkeypatch.setenv("DEPLOYDB_WEBHOOK_SECRET", secret)
    signed = "url_from: DEPLOYDB_WEBHOOK_URL\nformat: cloudevents\nsecret_from: [DEPLOYDB_WEBHOOK_SECRET]\n"
    files = {
        "webhook/signed.yml": f"{signed}types: [deployment.failed, deployment.started]\nenvironments: [dev]\n",
        "webhook/chat.yml": f"url: {hook.url}/other\nformat: slack\ntypes: [deployment.failed]\n",
        "webhook/none.yml": f"url: {hook.url}/dev\nenvironments: [prod]\ntypes: [deployment.failed]\n",
        "webhook/unset.yml": "url_from: DEPLOYDB_WEBHOOK_UNSET\ntypes: [deployment.failed]\n",
    }
    configured(workshop, files)
    workshop.publish(published("1.0"))
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.started", "s", command=command.id))
    until(lambda: "/all" in hook.paths(), "the first call")
    workshop.publish(fact("deployment.finished", "f", command=command.id, outcome="failed", reason="no disk"))
    until(lambda: sorted(hook.paths()) == ["/all", "/all", "/other"], "all calls")
    types = []
    for _, path, body, headers in hook.asked:
        if path == "/all":
            event = Webhook(secret).verify(body, headers)
            types.append(event["type"])
            assert (headers["content-type"], event["id"]) == ("application/cloudevents+json", headers["webhook-id"])
    assert types == ["dev.deploydb.deployment.started", "dev.deploydb.deployment.failed"]
    ((_, chat),) = calls(hook, "/other")
    assert "no disk" in chat["blocks"][0]["text"]["text"]
    problem = sa.select(webhook_endpoint.c.problem).where(webhook_endpoint.c.endpoint == "webhook/unset")
    until(lambda: workshop.rows(problem) and workshop.rows(problem)[0].problem, "the reason")
    assert "DEPLOYDB_WEBHOOK_UNSET is not set" in workshop.rows(problem)[0].problem


def test_a_webhook_of_an_environment_may_be_written_as_later_releases_write_it(workshop: InProcess, hook: Web) -> None:
    lists = indented(listed(f"{hook.url}/dev", "created")).replace("webhooks:", "webhook:")
    configured(workshop, {"environments/dev.yml": lists})
    workshop.publish(published("1.0"))
    until(lambda: kinds(hook, "/dev") == [("deploymentcreated", "dev")], "created")


def test_a_call_of_a_killed_process_is_made_again_with_its_id(workshop: InProcess, hook: Web) -> None:
    write_config(workshop.config, CONFIG | {"webhook/all.yml": f"deployment:\n  created: [{hook.url}/wait]\n"})
    hook.reply("/wait", 200)
    workshop.settings = replace(workshop.settings, outgoing_allow="127.0.0.1")
    workshop.provision()
    workshop.start("ingest", "promote", "relay")
    environment = {
        "DEPLOYDB_DATABASE_URL": workshop.settings.database_url,
        "DEPLOYDB_BROKER_URL": workshop.settings.broker_url,
        "DEPLOYDB_CONFIG": str(workshop.config),
        "DEPLOYDB_OUTGOING_ALLOW": "127.0.0.1",
    }
    command = [sys.executable, "-m", "workers", "notify", "--no-port"]
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL) as process:
        try:
            workshop.publish(published("1.0"), published("1.1"))
            until(lambda: hook.paths() == ["/wait"], "the call")
        finally:
            process.kill()
    hook.released.set()
    engine = open_engine(workshop.settings.database_url, name="tests")
    with engine.begin() as connection:  # as if the lease were over
        connection.execute(
            sa.update(webhook_endpoint).values(
                due_at=sa.select(webhook_delivery.c.created_at).limit(1).scalar_subquery()
            )
        )
    engine.dispose()
    workshop.start("notify")
    delivered = sa.select(webhook_delivery.c.id).where(webhook_delivery.c.delivered_at.is_not(None))
    until(lambda: workshop.rows(delivered), "it is delivered")
    first, second = (headers["webhook-id"] for _, _, _, headers in hook.asked)
    assert first == second


def test_a_webhook_that_is_configured_later_is_called_once_its_queue_is_there(workshop: InProcess, hook: Web) -> None:
    workshop.settings = replace(workshop.settings, outgoing_allow="127.0.0.1")
    workshop.start("ingest", "promote", "relay", "notify")
    workshop.publish(published("1.0"))
    (command,) = workshop.commands()
    write_config(workshop.config, CONFIG | {"webhook/all.yml": listed(f"{hook.url}/all", "started")})
    workshop.provision()
    wanted = sa.select(wanted_notification.c.type).where(wanted_notification.c.type == "deployment.started")
    until(lambda: workshop.rows(wanted), "promotion has it")
    workshop.publish(fact("deployment.started", "s", command=command.id))
    until(lambda: kinds(hook, "/all") == [("deploymentstarted", "dev")], "it is called")
