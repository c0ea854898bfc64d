"""The same question before a deployment and after it: asked twice, answered twice; of a further attempt not again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.deployment import GateStatus, Status
from deploydb.domain.model.gate_reasons import AwaitingJobs
from deploydb.engine.unblock import unblock
from tests.domain.given import MANUAL, SMOKE, catalog, chain, foo
from tests.domain.scenario import Scenario

HEALTH = WebhookPromotion(ident="health", url="http://health.example/")
BEFORE = VerificationPromotion(ident="before", jobs=("scan", "smoke"))
AFTER = VerificationPromotion(ident="after", jobs=("smoke", "load"))


def both(entry: str, exits: str | None = None, **service: object) -> Scenario:
    """One stage, with a promotion at its door and one on its way out: the same one unless another is named."""
    promotions: tuple[Promotion, ...] = (SMOKE, MANUAL, HEALTH, BEFORE, AFTER)
    return Scenario(
        catalog(
            *chain("dev"),
            entry={"dev": (entry,)},
            services=[foo(promotions=(exits or entry,), **service)],
            promotions=promotions,
        )
    )


def answer(it: Scenario, name: str) -> None:
    if name == "manual":
        it.speak("dev", "1.0", "alice")
    else:
        for job in {"before": ("scan", "smoke"), "after": ("smoke", "load")}.get(name, (name,)):
            it.verify("dev", "1.0", job=job)


@pytest.mark.parametrize("name", ["smoke", "manual", "health"])
def test_evidence_for_the_entry_does_not_verify_what_runs(name: str) -> None:
    it = both(name)
    it.publish("1.0")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.NOT_STARTED
    answer(it, name)
    it.evaluate()
    it.deploy("dev", "1.0")
    it.evaluate(60)
    assert it.status("dev", "1.0") is Status.COMPLETED
    answer(it, name)
    it.evaluate()
    assert it.status("dev", "1.0") is Status.SUCCESS


def test_not_even_where_everything_happens_at_one_instant() -> None:
    it = both("smoke")
    it.publish("1.0")
    it.verify("dev", "1.0")
    it.evaluate()
    it.finish("dev", "1.0")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.COMPLETED


def test_nor_where_its_source_gave_it_a_time_after_the_deployment() -> None:
    it = both("smoke")
    it.publish("1.0")
    it.verify("dev", "1.0", when=it.now + timedelta(minutes=5))
    it.evaluate()
    it.deploy("dev", "1.0")
    it.evaluate(60)
    assert it.status("dev", "1.0") is Status.COMPLETED


def test_a_job_that_two_promotions_ask_for_reports_to_each_of_them() -> None:
    it = both("before", "after")
    it.publish("1.0")
    it.verify("dev", "1.0", job="load")  # no entry asks for it: it may come at any time
    answer(it, "before")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.evaluate()
    assert it.reason("dev", "1.0") == AwaitingJobs(missing=("smoke",))


def test_the_two_answers_are_kept_beside_each_other() -> None:
    it = both("smoke")
    it.publish("1.0")
    it.verify("dev", "1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    known = it.find("dev", "1.0")
    outcomes = {gate: one.outcome for gate, one in it.situation().verdicts[known.id].items()}
    assert outcomes == {("entry", "smoke"): GateStatus.PASS, ("exit", "smoke"): GateStatus.PENDING}


def test_a_check_is_asked_once_for_each_side() -> None:
    it = both("health")
    it.publish("1.0")
    it.evaluate()
    it.evaluate(1)
    answer(it, "health")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.evaluate(1)
    assert [(one.promotion, one.phase) for one in it.checks] == [("health", "entry"), ("health", "exit")]


@pytest.mark.parametrize("name", ["smoke", "manual", "health"])
def test_a_retry_asks_no_user_again_before_the_deployment(name: str) -> None:
    it = both(name, retry=Retry(retries=2, backoff=timedelta(minutes=1)))
    it.publish("1.0")
    it.evaluate()
    answer(it, name)
    it.evaluate(1)
    for _ in range(2):
        it.finish("dev", "1.0", "failed", reason="no disk")
        it.evaluate(1)
        it.evaluate(5)
        assert it.status("dev", "1.0") is Status.CREATED
    assert it.find("dev", "1.0").attempt == 3
    it.deploy("dev", "1.0")
    assert it.status("dev", "1.0") is Status.COMPLETED, "the evidence from before the deployment has verified it"
    answer(it, name)
    it.evaluate()
    assert it.status("dev", "1.0") is Status.SUCCESS
    assert [one.phase for one in it.checks] == (["entry", "exit"] if name == "health" else [])


def test_a_retry_of_another_release_is_asked_for() -> None:
    it = both("manual", retry=Retry(retries=1, backoff=timedelta(0)))
    it.publish("1.0")
    answer(it, "manual")
    it.evaluate()
    it.deploy("dev", "1.0")
    answer(it, "manual")
    it.evaluate(1)
    it.publish("2.0", published=5)
    it.evaluate(10)
    assert it.status("dev", "2.0") is Status.NOT_STARTED


def test_an_override_of_a_freeze_is_kept_by_a_retry() -> None:
    it = Scenario(
        catalog(
            *chain("dev"),
            services=[foo(retry=Retry(retries=1, backoff=timedelta(0)))],
            groups={"sre": frozenset({"alice"})},
            freeze_overriders=("sre",),
        )
    )
    it.hold("freeze", environment="dev")
    it.now += timedelta(minutes=1)
    it.publish("1.0")
    it.override("dev", "1.0", "alice")
    it.evaluate(1)
    it.finish("dev", "1.0", "failed")
    it.evaluate(1)
    assert (it.find("dev", "1.0").attempt, it.status("dev", "1.0")) == (2, Status.CREATED)


def test_what_is_needed_names_both_sides() -> None:
    it = both("smoke")
    it.publish("1.0")
    it.evaluate()
    it.verify("dev", "1.0")
    it.evaluate()
    it.finish("dev", "1.0")
    it.evaluate(1)
    found = unblock(it.catalog, it.outlook(), it.find("dev", "1.0").id, it.now)
    assert found is not None
    assert [(need.text, need.phase) for need in found.needs] == [("smoke to pass", "exit")]


@given(
    name=st.sampled_from(["smoke", "manual"]),
    spoken=st.sets(st.integers(0, 6)),
    retries=st.integers(0, 2),
)
def test_no_word_counts_on_both_sides(name: str, spoken: set[int], retries: int) -> None:
    """At any time: evidence that passed an entry verifies nothing."""
    it = both(name, retry=Retry(retries=2, backoff=timedelta(0)))
    it.publish("1.0")
    failures = retries
    for step in range(7):
        if step in spoken:
            answer(it, name)
        it.evaluate(1)
        if it.status("dev", "1.0") is Status.CREATED:
            it.finish("dev", "1.0", "failed" if failures else "succeeded")
            failures -= bool(failures)
        it.evaluate(1)
    for known in it.deployments.values():
        verdicts = it.ledger.verdicts(known.id)
        entry, exits = verdicts.get(("entry", name)), verdicts.get(("exit", name))
        if known.requested_at is not None:
            assert entry is not None
            assert entry.outcome is GateStatus.PASS
        if entry is not None and exits is not None and exits.outcome is GateStatus.PASS:
            assert not set(entry.inputs) & set(exits.inputs)
        if known.status is Status.SUCCESS:
            assert known.finished is not None
            heard = it.ledger.statements.evidence(known, {})
            assert heard is not None
            assert max(one.at.time for one in (*heard.verifications, *heard.approvals)) >= known.finished.time
