"""The four figures, from pasts small enough to reckon by hand."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from deploydb.domain.dora import Causes, Figures, Run, Trouble, cause_of, figures
from deploydb.domain.model.gate_reasons import IncidentOpen, JobsFailed
from deploydb.domain.model.outcome_reasons import AttemptFailed, Expired
from deploydb.domain.model.reasons import Reason, Several
from tests.scenario import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = NOON - 10 * DAY


def run(
    day: float,
    published: float,
    *,
    before: float | None = None,
    kind: str = "deploy",
    good: bool = True,
    version: str = "1.0",
) -> Run:
    """It came to run so many days after the start; published, and what ran before it published, so many after it."""
    return Run(
        service="foo",
        environment="prod",
        module="com.example:foo",
        deployment=int(day * 100),
        kind=kind,
        published_at=START + published * DAY,
        since=START + day * DAY,
        succeeded=good,
        version=version,
        before=START + before * DAY if before is not None else None,
    )


def trouble(day: float, *, deployment: float | None = None, over: float | None = None, **more: Any) -> Trouble:
    return Trouble(
        service="foo",
        environment="prod",
        at=START + day * DAY,
        deployment=int(deployment * 100) if deployment is not None else None,
        over=START + over * DAY if over is not None else None,
        **more,
    )


def of(runs: list[Run], troubles: list[Trouble] | None = None, published: list[float] | None = None) -> Figures:
    times: list[datetime] = [START + each * DAY for each in published or []]
    return figures(runs, troubles or [], {"com.example:foo": times}, START, NOON)


def test_without_anything_there_are_no_values_and_no_samples() -> None:
    answer = of([])
    assert (answer.frequency.value, answer.frequency.samples) == (None, 0)
    assert (answer.lead_time.p50, answer.lead_time.p90, answer.lead_time.samples) == (None, None, 0)
    assert (answer.failure_rate.value, answer.failure_rate.samples) == (None, 0)
    assert (answer.recovery.p50, answer.recovery.samples) == (None, 0)
    assert {day.deployments for day in answer.days} == {0}
    assert (answer.days[0].date, answer.days[-1].date) == (date(2026, 11, 12), date(2026, 11, 22))


def test_frequency_is_deployments_a_day_without_rollbacks_and_what_was_done_by_hand() -> None:
    runs = [
        run(1, 0.5, before=0),
        run(2, 0, before=0.5, kind="rollback"),
        run(3, 2, before=0),
        run(4, 2, kind="external"),
    ]
    answer = of(runs).frequency
    assert (answer.value, answer.samples) == (0.2, 2)
    assert [(one.count, one.why) for one in answer.excluded] == [
        (1, "rollbacks"),
        (1, "observed there, not deployed by DeployDB"),
    ]


def test_lead_time_is_of_each_release_that_came_with_a_deployment() -> None:
    answer = of([run(3, 2.5, before=0)], published=[1, 2, 2.5]).lead_time
    assert answer.samples == 3
    assert (answer.p50, answer.p90) == (1 * 86400, 2 * 86400)


def test_a_first_deployment_brings_no_ancient_releases_with_it() -> None:
    answer = of([run(3, 2.5)], published=[-400, -300, 2.5]).lead_time
    assert answer.samples == 0
    assert [one.why for one in answer.excluded] == ["without a release before them in production"]


def test_what_came_with_one_deployment_does_not_come_again_after_a_rollback() -> None:
    runs = [run(2, 1, before=0), run(3, 0, before=1, kind="rollback"), run(4, 3.5, before=0)]
    assert of(runs, published=[1, 3.5]).lead_time.samples == 2


def test_the_failure_rate_counts_a_deployment_once_however_often_it_failed() -> None:
    runs = [run(1, 0.5, before=0), run(2, 1.5, before=0.5), run(3, 2.5, before=1.5)]
    troubles = [trouble(1.1, deployment=1), trouble(1.2), trouble(2.2)]
    answer = of(runs, troubles).failure_rate
    assert (answer.failed, answer.samples) == (2, 3)


def test_a_deployment_that_never_came_to_run_failed_too() -> None:
    answer = of([run(1, 0.5, before=0)], [trouble(2, deployment=2)]).failure_rate
    assert (answer.failed, answer.samples, answer.value) == (1, 2, 0.5)


def test_failures_are_counted_by_what_they_failed_by_first() -> None:
    runs = [run(day, day, version=f"{day}") for day in (1, 2, 3)]
    troubles = [
        trouble(1.1, deployment=1, cause="verification"),
        trouble(1.2, version="1"),
        trouble(3.1, version="2"),
        trouble(4, deployment=4),
    ]
    answer = of(runs, troubles).failure_rate
    assert (answer.failed, answer.samples) == (3, 4)
    assert answer.causes == Causes(deployment=1, verification=1, incident=1)


def test_a_failure_by_an_incident_and_the_incident_are_one() -> None:
    runs = [run(1, 0.5, version="1.0"), run(2, 0, kind="rollback", version="0.9")]
    answer = of(runs, [trouble(1.5, over=3), trouble(1.5, deployment=1, cause="incident")])
    assert (answer.failure_rate.failed, answer.failure_rate.causes.incident) == (1, 1)
    assert (answer.recovery.samples, answer.recovery.p50) == (1, 1.5 * 86400)
    assert sum(day.failures for day in answer.days) == 1


def test_an_incident_of_what_was_put_back_is_of_the_deployment_that_brought_it() -> None:
    runs = [run(1, 0.5, version="1.0"), run(2, 1.5, version="2.0"), run(3, 0.5, kind="rollback", version="1.0")]
    assert of(runs, [trouble(4)]).failure_rate.failed == 1
    assert of(runs[2:], [trouble(4)]).failure_rate.failed == 0


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (None, "deployment"),
        (AttemptFailed(), "deployment"),
        (Expired(deadline=NOON, started=True), "deployment"),
        (JobsFailed(reports=()), "verification"),
        (IncidentOpen(incidents=()), "incident"),
        (Several(reasons=(JobsFailed(reports=()), IncidentOpen(incidents=()))), "verification"),
    ],
)
def test_a_failure_has_one_cause(failure: Reason | None, cause: str) -> None:
    assert cause_of(failure) == cause


def test_recovery_lasts_until_the_next_success_or_the_end_of_the_incident() -> None:
    runs = [run(1, 0.5, before=0), run(2, 0, kind="rollback", before=0.5, good=False), run(3, 2, before=0)]
    answer = of(runs, [trouble(1, deployment=1), trouble(2, deployment=2), trouble(5, over=5.5)]).recovery
    assert (answer.samples, answer.p50, answer.p90) == (2, 0.5 * 86400, 2 * 86400)


def test_what_is_not_over_is_no_sample() -> None:
    answer = of([run(1, 0.5, before=0)], [trouble(2, deployment=1)]).recovery
    assert answer.samples == 0
    assert [(one.count, one.why) for one in answer.excluded] == [(1, "not over yet")]


def test_days_are_of_utc() -> None:
    answer = of([run(1, 0.5, before=0), run(1.4, 0.6, before=0.5)], [trouble(1.45, deployment=1)])
    days = {day.date: (day.deployments, day.failures) for day in answer.days}
    assert days[date(2026, 11, 13)] == (2, 1)
    assert len(days) == 11


def test_an_incident_is_compared_with_few_of_the_runs() -> None:
    compared = 0

    class At(datetime):
        """A time that counts how often it is compared."""

        def __lt__(self, other: datetime) -> bool:
            nonlocal compared
            compared += 1
            return super().__lt__(other)

        def __ge__(self, other: datetime) -> bool:
            nonlocal compared
            compared += 1
            return super().__ge__(other)

    runs = [run(index / 100, 0, before=0, version=f"1.{index}") for index in range(1, 900)]
    at = At.fromisoformat((START + 9.5 * DAY).isoformat())
    answer = of(runs, [replace(trouble(0, version=version), at=at) for version in (None, "1.300")])
    assert answer.failure_rate.failed == 2
    assert 0 < compared < 100
