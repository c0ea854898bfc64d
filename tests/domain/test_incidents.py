"""Which deployment an incident counts against, and what several reports of it add up to."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest

from deploydb.domain.model.deployment import FactOrder, Status
from deploydb.domain.model.evidence import Incident, incident_of
from tests.domain.failure_steps import back, go, running
from tests.domain.given import at
from tests.domain.scenario import Scenario


def report(minutes: float, *, over: bool = False, version: str | None = None, reason: str | None = None) -> Incident:
    """A report that was recorded a minute after its time, under the number of its minutes."""
    order, known = FactOrder(at(minutes), "ops", f"{minutes:06}"), at(minutes + 1)
    return Incident(
        name="INC-1", open=not over, version=version, reason=reason, at=order, event=int(minutes), recorded_at=known
    )


def fix(it: Scenario, version: str, published: int) -> None:
    """The release goes through dev, is deployed to prod and verified there."""
    it.publish(version, published=published)
    go(it, version, "dev", "prod")


def test_neither_the_version_put_back_nor_the_fix_fails_by_the_incident_that_it_ends() -> None:
    it = running("rollback", fail_on_incident=True)
    it.incident("prod")
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.FAILED
    (rollback,) = (one for one in it.deployments.values() if one.kind == "rollback")
    it.finish_rollback(rollback)
    it.evaluate(1)
    assert it.deployments[rollback.id].status is Status.SUCCESS
    fix(it, "3.0", 9)
    assert it.status("prod", "3.0") is Status.SUCCESS
    it.incident("prod")  # reported again
    it.evaluate(1)
    assert it.status("prod", "3.0") is Status.SUCCESS
    fix(it, "3.1", 10)
    assert [(where, version) for where, version, _ in back(it)] == [("prod", "1.0")]
    assert it.runs("prod") == "3.1"


def test_a_new_incident_of_the_same_name_counts_against_the_fix() -> None:
    it = running("stop", fail_on_incident=True)
    it.incident("prod")
    it.evaluate(1)
    fix(it, "3.0", 9)
    it.incident("prod", over=True)
    it.evaluate(1)
    assert it.status("prod", "3.0") is Status.SUCCESS
    it.incident("prod")
    it.evaluate(1)
    assert it.status("prod", "3.0") is Status.FAILED


@pytest.mark.parametrize(("named", "status"), [("1.0", Status.SUCCESS), ("2.0", Status.FAILED)])
def test_an_incident_counts_against_the_version_that_it_names(named: str, status: Status) -> None:
    it = running("stop", fail_on_incident=True)
    it.incident("prod", version=named)
    it.evaluate(1)
    assert it.status("prod", "2.0") is status


def test_a_resolution_that_names_another_version_ends_the_incident() -> None:
    it = running("stop", fail_on_incident=True)
    it.incident("prod", version="2.0")
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.FAILED
    it.incident("prod", over=True, version="1.0")
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.SUCCESS


def test_an_incident_that_is_reported_late_counts_against_what_ran_then() -> None:
    it = running("rollback", fail_on_incident=True)
    ran = it.find("prod", "2.0").live_at
    assert ran is not None
    it.incident("prod", when=ran - timedelta(seconds=1))
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.SUCCESS
    it.incident("prod", "INC-2", when=ran)
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.FAILED


@pytest.mark.parametrize(
    ("reports", "state"),
    [
        ((report(1, reason="5xx"), report(2)), (True, None, at(1), 1, "5xx")),
        ((report(1), report(2, version="2.0"), report(3)), (True, "2.0", at(1), 1, None)),
        ((report(1, version="1.0"), report(2, over=True, version="2.0")), (False, "1.0", at(1), 2, None)),
        ((report(1), report(2, over=True), report(3, over=True)), (False, None, at(1), 2, None)),
        ((report(1), report(2, over=True), report(3)), (True, None, at(3), 3, None)),
        ((report(1, over=True), report(2)), (True, None, at(2), 2, None)),
        ((report(1, over=True),), (False, None, None, 1, None)),
    ],
)
def test_reports_add_up_to_one_incident_in_any_order(
    reports: tuple[Incident, ...], state: tuple[bool, str | None, datetime | None, int, str | None]
) -> None:
    for order in permutations(reports):
        found = incident_of(order)
        assert found is not None
        assert (found.open, found.version, found.began_at, found.event, found.reason) == state
        assert found.at == reports[-1].at
        assert found.recorded_at == at(found.event + 1)


def test_there_is_no_incident_without_a_report() -> None:
    assert incident_of(()) is None
