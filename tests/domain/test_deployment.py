"""Status as a table; merging facts in any order; which facts are about which deployment."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deploydb.domain.model.deployment import Deployment, FactOrder, Release, fact_order, merge
from deploydb.domain.model.evidence import Approval, Verification
from deploydb.domain.model.facts import (
    ApprovalGiven,
    ApprovalRefused,
    DeploymentFinished,
    DeploymentStarted,
    VerificationFinished,
)
from tests.domain.given import at, deployment, release

BY_CD = FactOrder(at(5), "cd", "1")
REQUESTED = {"command": "c", "requested_at": at(0), "deadline": at(60)}
RUNS = {**REQUESTED, "finished": BY_CD, "outcome": "succeeded"}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "NOT_STARTED"),
        ({"started": BY_CD}, "NOT_STARTED"),
        (REQUESTED, "CREATED"),
        ({**REQUESTED, "started": BY_CD}, "STARTED"),
        (RUNS, "COMPLETED"),
        ({**RUNS, "started": BY_CD}, "COMPLETED"),
        ({"finished": BY_CD, "outcome": "succeeded"}, "COMPLETED"),
        ({**RUNS, "replaced_at": at(9)}, "COMPLETED"),
        ({**RUNS, "result": "SUCCESS"}, "SUCCESS"),
        ({**RUNS, "result": "FAILED"}, "FAILED"),
        ({**RUNS, "outcome": "failed"}, "FAILED"),
        ({**RUNS, "outcome": "failed", "result": "SUCCESS"}, "FAILED"),
        ({**REQUESTED, "expired_at": at(60)}, "FAILED"),
        ({**RUNS, "expired_at": at(60)}, "FAILED"),
        ({"skipped_at": at(1)}, "SKIPPED"),
        ({**RUNS, "skipped_at": at(1)}, "SKIPPED"),
    ],
)
def test_status_is_what_the_columns_add_up_to(columns, expected) -> None:
    known = deployment(**columns)
    assert known.status == expected
    assert known.active == (expected in ("CREATED", "STARTED"))


@pytest.mark.parametrize(
    ("columns", "gates_count_from", "reported_live_at"),
    [
        ({}, None, None),
        (REQUESTED, None, None),
        (RUNS, at(5), at(5)),
        ({**RUNS, "outcome": "failed"}, None, None),
        ({**RUNS, "requested_at": at(8)}, at(8), at(8)),
        ({**RUNS, "command": None, "requested_at": at(8), "deadline": None}, at(8), at(5)),
        ({"finished": BY_CD, "outcome": "succeeded"}, at(5), at(5)),
    ],
)
def test_a_soak_counts_from_the_later_of_finish_and_command_and_the_order_of_adopted_ones_is_their_sources(
    columns, gates_count_from, reported_live_at
) -> None:
    known = deployment(**columns)
    assert (known.gates_count_from, known.reported_live_at) == (gates_count_from, reported_live_at)


def started(minutes: float, ident: str = "s", **fields) -> DeploymentStarted:
    return DeploymentStarted(id=ident, source="cd", time=at(minutes), deployment=1, **fields)


def finished(minutes: float, ident: str = "f", outcome: str = "succeeded", **fields) -> DeploymentFinished:
    return DeploymentFinished(id=ident, source="cd", time=at(minutes), deployment=1, outcome=outcome, **fields)


def merged(*facts: DeploymentStarted | DeploymentFinished) -> Deployment:
    known = deployment(**REQUESTED)
    for fact in facts:
        known = merge(known, fact)
    return known


def test_the_later_fact_wins_whichever_comes_first() -> None:
    failed, fixed = finished(1, "f1", "failed", reason="disk full", url="http://cd/1"), finished(2, "f2")
    for order in permutations([started(0, url="http://cd/0"), failed, fixed]):
        known = merged(*order)
        assert (known.status, known.failure, known.started_url, known.finished_url) == (
            "COMPLETED",
            None,
            "http://cd/0",
            None,
        )
        assert known.url == "http://cd/0"


def test_finished_before_started_is_no_error() -> None:
    assert merged(finished(5), started(6)).status == "COMPLETED"


def test_at_the_same_time_source_and_id_decide() -> None:
    one, other = finished(1, "a", "failed"), finished(1, "b", "succeeded")
    assert merged(one, other).outcome == merged(other, one).outcome == "succeeded"


FACTS = st.builds(
    lambda what, minutes, ident, outcome: (
        started(minutes, ident) if what else finished(minutes, ident, outcome, reason=f"{ident}{minutes}")
    ),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from("abcdef"),
    st.sampled_from(["succeeded", "failed"]),
)


@given(st.data())
def test_any_order_and_any_repetition_of_the_same_facts_give_the_same_deployment(data: st.DataObject) -> None:
    by_order = {(type(fact), *fact_order(fact)): fact for fact in data.draw(st.lists(FACTS, max_size=8))}
    facts = list(by_order.values())
    again = data.draw(st.lists(st.sampled_from(facts), max_size=8)) if facts else []
    shuffled = data.draw(st.permutations(facts + again))
    assert merged(*shuffled) == merged(*facts)


def test_a_fact_without_a_time_has_no_place() -> None:
    with pytest.raises(ValueError, match="fact cd/s has no time"):
        fact_order(replace(started(0), time=None))


def test_reports_and_words_are_read_from_facts() -> None:
    about = {"id": "1", "source": "ci", "time": at(1), "deployment": 1}
    report = VerificationFinished(**about, promotion="smoke", outcome="errored", reason="no agent", url="http://ci/1")
    assert Verification.of(report) == Verification(
        promotion="smoke", outcome="errored", at=FactOrder(at(1), "ci", "1"), reason="no agent", url="http://ci/1"
    )
    yes = ApprovalGiven(**about, promotion="manual", by="alice")
    no = ApprovalRefused(**about, promotion="manual", by="bob", comment="not today")
    assert (Approval.of(yes).given, Approval.of(yes).by, Approval.of(yes).comment) == (True, "alice", None)
    assert (Approval.of(no).given, Approval.of(no).by, Approval.of(no).comment) == (False, "bob", "not today")


def test_a_fact_about_a_deployment_names_one() -> None:
    for naming in ({"deployment": 1}, {"command": "c"}, {"service": "foo", "environment": "dev", "version": "1"}):
        DeploymentStarted(id="1", source="cd", **naming)
    for naming in ({}, {"service": "foo"}, {"service": "foo", "environment": "dev"}):
        with pytest.raises(ValueError, match="names no deployment"):
            DeploymentStarted(id="1", source="cd", **naming)


def older_to_newer(order: str, *releases: Release) -> list[str]:
    return [one.artifact.version for one in sorted(releases, key=lambda one: one.order_key(order))]


def test_newer_is_published_later_or_a_higher_version_and_then_published_later() -> None:
    known = [release("2.0", published=1), release("1.9.1", published=2), release("v2.0", published=3)]
    assert older_to_newer("published", *known) == ["2.0", "1.9.1", "v2.0"]
    assert older_to_newer("version", *known) == ["1.9.1", "2.0", "v2.0"]
    assert older_to_newer("published", release("b"), release("a")) == ["a", "b"]


def test_releases_of_one_time_and_number_still_have_an_order() -> None:
    assert older_to_newer("version", release("v1.0"), release("1.0")) == ["1.0", "v1.0"]
