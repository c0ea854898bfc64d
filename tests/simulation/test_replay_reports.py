"""Reports of verification in a replay under other rules."""

from datetime import timedelta

from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.model.deployment import GateStatus
from tests.domain.given import at, catalog, chain
from tests.simulation.given import Past, differences
from tests.simulation.test_replay import HOURS, PLAIN


def test_a_report_comes_as_long_after_the_finish_as_it_did() -> None:
    past = Past()
    past.publish("1.0", 0)
    past.deployed("dev", "1.0", 0)
    ident = past.deployed("staging", "1.0", 1, asked={"smoke": GateStatus.PASS})
    past.reported(ident, "smoke", 12)
    past.deployed("prod", "1.0", 12)
    old = catalog(*chain("dev", "staging", "prod", staging=("smoke",)))
    new = catalog(*chain("dev", "staging", "prod", dev=("soak",), staging=("smoke",)))
    assert differences(past.compared(old, new)) == [
        ("later", "prod", "1.0", 2 * HOURS),
        ("later", "staging", "1.0", 2 * HOURS),
    ]


def test_an_error_after_the_report_that_counted_takes_it_not_back() -> None:
    """A history that the search has found."""
    past = Past()
    past.publish("1.0", 0)
    ident = past.deployed("dev", "1.0", 0, asked={"smoke": GateStatus.PASS})
    past.reported(ident, "smoke", 12)
    past.reported(ident, "smoke", 20, outcome="errored")
    past.deployed("staging", "1.0", 12)
    past.deployed("prod", "1.0", 13)
    old = catalog(*chain("dev", "staging", "prod", dev=("smoke",)))
    new = catalog(*chain("dev", "staging", "prod", dev=("smoke",), staging=("soak",)))
    assert differences(past.compared(old, new)) == [("later", "prod", "1.0", 2 * HOURS)]


def test_a_soak_begins_with_the_report_as_it_comes_in_the_replay() -> None:
    past = Past()
    past.publish("1.0", 0)
    past.deployed("dev", "1.0", 0)
    ident = past.deployed("staging", "1.0", 1, asked={"smoke": GateStatus.PASS, "soak": GateStatus.PASS})
    past.reported(ident, "smoke", 12)
    past.deployed("prod", "1.0", 132)
    old = catalog(*chain("dev", "staging", "prod", staging=("smoke", "soak")))
    new = catalog(*chain("dev", "staging", "prod", dev=("soak",), staging=("smoke", "soak")))
    (prod, _) = sorted(past.compared(old, new).differences, key=lambda one: one.name)
    assert (prod.name.environment, prod.old_at, prod.new_at) == ("prod", at(132), at(252))


def test_a_new_job_is_unknown_unless_it_reported_anyway() -> None:
    past = Past()
    past.publish("1.0", 0)
    for environment, minutes in (("dev", 0), ("staging", 1), ("prod", 2)):
        ident = past.deployed(environment, "1.0", minutes)
        if environment == "staging":
            past.reported(ident, "smoke", 5)
    jobs = (VerificationPromotion(ident="smoke"), VerificationPromotion(ident="load"))
    smoke = catalog(*chain("dev", "staging", "prod", staging=("smoke",)), promotions=jobs)
    load = catalog(*chain("dev", "staging", "prod", staging=("load",)), promotions=jobs)
    assert differences(past.compared(PLAIN, smoke)) == [("later", "prod", "1.0", timedelta(minutes=3))]
    assert differences(past.compared(PLAIN, load)) == [("unknown", "prod", "1.0", None)]


def test_a_failed_report_stops_it_before_any_other_answer() -> None:
    past = Past()
    past.publish("1.0", 0)
    past.deployed("dev", "1.0", 0)
    ident = past.deployed("staging", "1.0", 1)
    past.reported(ident, "smoke", 5, outcome="failed")
    past.deployed("prod", "1.0", 2)
    strict = catalog(*chain("dev", "staging", "prod", staging=("smoke", "manual")))
    (one,) = past.compared(PLAIN, strict).differences
    assert (one.kind, one.name.environment) == ("blocked", "prod")
    assert "smoke failed" in one.reason
