"""The whole way: a word over HTTP, through the broker and ingest, and the version goes on."""

import json
import os
import stat
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import sqlalchemy as sa

from deploydb.identity import FORM_COOKIE, SESSION_COOKIE
from deploydb.store.tables import verdict
from tests.e2e.up import Up
from tests.gateway.given import YES
from tests.gateway.working import working
from tests.workers.in_process import InProcess, fact, published, until


@pytest.mark.parametrize(
    ("broker", "database"),
    [("embedded_url", "sqlite_url"), pytest.param("amqp_url", "postgresql_url", marks=pytest.mark.servers)],
)
def test_a_version_goes_on_once_a_person_has_approved(
    request: pytest.FixtureRequest, broker: str, database: str, tmp_path: Path
) -> None:
    urls = [request.getfixturevalue(name) for name in (broker, database)]
    with InProcess(*urls, tmp_path) as workshop, working(workshop) as asked:
        assert asked.ask("/readyz", method="GET").status_code == 200
        workshop.publish(published("1.0"))
        (command,) = workshop.commands()
        workshop.publish(fact("deployment.finished", "f-1", command=command.id, outcome="succeeded"))
        until(
            lambda: workshop.rows(sa.select(verdict.c.id).where(verdict.c.outcome == "PENDING")), "it waits for people"
        )

        first = asked.say(idempotency_key="once", prefer="wait=20")
        again = asked.say(idempotency_key="once", prefer="wait=20")
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json() | {"id": "once", "counts": True}  # it is known of the first one

        (command,) = workshop.commands()
        assert (command.environment, command.artifact.version) == ("prod", "1.0")
        assert "alice" in command.reason
        assert workshop.dead() == []


class Browser:
    """Forms and cookies over a real socket, as a browser without JavaScript sends them."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._origin = url
        self.cookies: dict[str, str] = {}

    def ask(self, path: str, fields: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, location and text."""
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Accept": "text/html", **({"Cookie": kept} if kept else {})}
        if fields is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._origin}
        connection = HTTPConnection(self._address, timeout=60)
        try:
            connection.request("GET" if fields is None else "POST", path, urlencode(fields or {}), headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = line.partition(";")[0].partition("=")
                self.cookies[name] = value
            return answer.status, answer.headers.get("Location", ""), answer.read().decode()
        finally:
            connection.close()


def test_up_lets_the_person_at_the_machine_sign_in_and_approve(up: Up) -> None:
    assert up.has_output("sign in", "with the token in", "data/token")
    kept = up.folder / "data" / "token"
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600
    up.publish(published("1.0"))
    assert up.deploy() == "dev"
    up.until(lambda: up.running().get("dev") == ["1.0"], "dev runs it")

    browser = Browser(up.url)
    browser.ask("/sign-in")
    secret = browser.cookies[FORM_COOKIE]
    fields = {"token": kept.read_text(), "form": secret, "next": "/status"}
    assert browser.ask("/api/sessions", fields)[:2] == (303, "/status")
    assert kept.read_text().strip() not in browser.cookies[SESSION_COOKIE]
    statement = {**YES, "form": secret, "next": "/flows/1"}
    up.until(lambda: "waits for" in _why(up), "people are asked")
    assert browser.ask("/api/approvals", statement)[:2] == (303, "/flows/1")

    assert up.deploy() == "prod"
    metrics = browser.ask("/metrics")[2]
    assert 'deploydb_gateway_approvals_total{decision="approve",result="stored"} 1.0' in metrics
    assert "deploydb_query_requests_total" in metrics
    up.stop()
    token = kept.read_text()
    up.again()
    assert kept.read_text() == token
    assert browser.ask("/sign-in")[2].count("You are signed in as") == 1
    up.stop()


def _why(up: Up) -> str:
    answer: dict[str, Any] | None = up._get("/api/why/foo/dev?version=1.0")
    return json.dumps(answer)
