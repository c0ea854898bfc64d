"""Each gate through the whole house: RabbitMQ, PostgreSQL, worker processes, the command line and the query service."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.e2e.site import Site, service, site

DIGEST = "sha256:aa"
GATES = {
    "jobs": "type: VerificationPromotion\njobs: [unit, smoke]\n",
    "go": "type: ManualPromotion\n",
    "both": ("type: ManualPromotion\napprovals: 2\ngroups: [sre, qa]\ndistinct_groups: true\nallow_author: false\n"),
    "soon": "type: ManualPromotion\ntimeout: 1s\n",
    "soak": "type: SoakPromotion\nduration: 2s\n",
    "window": "type: WindowPromotion\nzone: UTC\nallow:\n  - {dates: 2100-05-01, from: '09:00', to: '17:00'}\n",
    "provider": "type: DependsOnPromotion\nservice: base\nenvironment: dev\nversion: '>=2'\n",
    "signed": "type: ProvenancePromotion\nsigners: [release-key]\n",
}
EXPRESSION = {"newer": "type: ExpressionPromotion\nexpression: artifact.version != '1.0'\ninterval: 1s\n"}
HAS_CEL = find_spec("cel_expr_python") is not None or find_spec("cel") is not None


AUTHOR = "ci"
"""The user of the broker that publishes artifacts."""


@pytest.fixture(scope="module")
def here(shared_amqp_url: str, shared_postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service for each gate, of its name, which has the gate on the way out of dev; and `base` without any."""
    gates = GATES | (EXPRESSION if HAS_CEL else {})
    files = {
        "access.yml": f"groups: {{sre: [{AUTHOR}, bob], qa: [carol]}}\n",
        "environments/dev.yml": "description: first\n",
        "environments/prod.yml": "description: last\n",
        "pipelines/plain.yml": "environments:\n  dev:\n  prod:\n",
        **service("base", "plain"),
        "environments/guarded.yml": "description: asks at its door, and again on the way out\nentry: [again]\n",
        "promotions/again.yml": "type: ManualPromotion\n",
        "pipelines/guarded.yml": "environments:\n  guarded:\n    promotions: [again]\n",
        **service("guarded", "guarded", "retry: {retries: 1, backoff: 1s}\n"),
    }
    for name, text in gates.items():
        files[f"promotions/{name}.yml"] = text
        files[f"pipelines/{name}.yml"] = f"environments:\n  dev:\n    promotions: [{name}]\n  prod:\n"
        files |= service(name, name)
    folder = tmp_path_factory.mktemp("gates") / "config"
    with site(shared_amqp_url, shared_postgresql_url, folder, files) as made:
        yield made


def report(here: Site, name: str, version: str, job: str, outcome: str, **fields: str) -> None:
    lane = {"service": name, "environment": "dev", "version": version}
    here.tell("verification.finished", promotion=job, outcome=outcome, **lane, **fields)


def test_every_job_must_report_that_it_passed(here: Site) -> None:
    here.publish("jobs", "1.0")
    here.await_why("jobs", "prod", "1.0", "1.0 is not in prod: in dev it waits for unit and smoke to report")
    report(here, "jobs", "1.0", "unit", "passed")
    here.await_why("jobs", "prod", "1.0", "in dev it waits for smoke to report")
    report(here, "jobs", "1.0", "smoke", "errored", reason="no runner")
    here.await_why("jobs", "prod", "1.0", "smoke could not tell: no runner; it may report again")
    report(here, "jobs", "1.0", "smoke", "passed")
    here.await_running("jobs", "prod", "1.0")
    assert "unit passed, smoke passed" in here.run("why", "jobs", "dev", "1.0")


def test_people_of_both_groups_must_say_yes_and_the_author_does_not_count(here: Site) -> None:
    here.publish("both", "1.0", digest=DIGEST)
    here.await_why("both", "prod", "1.0", "waits for 2 approvals of sre or qa")
    refused = here.house.deploydb("approve", "both", "dev", "--by", AUTHOR)
    assert (refused.returncode, f"{AUTHOR} published it and does not count" in refused.stderr) == (1, True)
    here.run("approve", "both", "dev", "--by", "bob", "--comment", "looks good")
    here.await_why("both", "prod", "1.0", "waits for 1 approval of qa beside bob")
    here.run("approve", "both", "dev", "--by", "carol")
    here.await_running("both", "prod", "1.0")
    words = here.get("events", query="?type=approval.given&service=both")["events"]
    assert {word["body"]["digest"] for word in words} == {DIGEST}
    assert "approved by bob, carol" in here.run("why", "both", "dev", "1.0")


def test_what_is_asked_before_and_after_is_answered_twice_and_by_a_retry_not_again(here: Site) -> None:
    here.publish("guarded", "1.0-flaky")
    here.await_why("guarded", "guarded", "1.0-flaky", "at its door it waits for 1 approval")
    here.run("approve", "guarded", "guarded", "--by", "bob")
    here.await_why("guarded", "guarded", "1.0-flaky", "1.0-flaky is in guarded", "waits for 1 approval (again)")
    assert here.commanded("guarded", "guarded") == [("deploy", "1.0-flaky", 1), ("deploy", "1.0-flaky", 2)]
    answer = " ".join(here.run("why", "guarded", "guarded", "1.0-flaky").split())
    assert "✓ again (entry) approved by bob" in answer
    assert "… again waits for 1 approval" in answer
    here.run("approve", "guarded", "guarded", "--by", "bob")
    here.await_running("guarded", "guarded", "1.0-flaky")


def test_one_refusal_with_a_comment_stops_it(here: Site) -> None:
    here.publish("go", "1.0")
    here.await_why("go", "prod", "1.0", "waits for 1 approval")
    here.run("refuse", "go", "dev", "--by", "bob", "--comment", "checkout is slow")
    here.await_why("go", "prod", "1.0", "it failed in dev: go refused by bob: checkout is slow")


def test_people_who_are_not_quick_enough_have_refused(here: Site) -> None:
    here.publish("soon", "1.0")
    here.await_why("soon", "prod", "1.0", "it failed in dev: soon was not approved within 1s: waits for 1 approval")


def test_an_incident_starts_a_soak_again(here: Site) -> None:
    here.publish("soak", "1.0")
    here.await_why("soak", "prod", "1.0", "in dev it soaks for 2s, until ")
    here.tell("incident.detected", service="soak", environment="dev", incident="INC-1")
    here.await_why("soak", "prod", "1.0", "soaks once it is over: ", "INC-1")
    assert here.runs("soak", "prod") is None
    here.tell("incident.resolved", service="soak", environment="dev", incident="INC-1")
    here.await_why("soak", "prod", "1.0", "soaks for 2s, until ", "again since ", "INC-1")
    here.await_running("soak", "prod", "1.0")
    assert "soak 2s met" in here.run("why", "soak", "dev", "1.0")


def test_a_closed_window_says_when_it_opens(here: Site) -> None:
    here.publish("window", "1.0")
    answer = "window is closed outside of 1 May 2100 09:00–17:00; "
    here.await_why("window", "prod", "1.0", answer)
    assert here.runs("window", "prod") is None


def test_a_dependency_is_waited_for_in_the_range_that_is_wanted(here: Site) -> None:
    here.publish("provider", "1.0")
    here.await_why("provider", "prod", "1.0", "waits for base >=2 in dev: nothing of it runs there")
    here.publish("base", "1.9")
    here.await_why("provider", "prod", "1.0", "waits for base in dev to be >=2; it runs 1.9")
    here.publish("base", "2.1")
    here.await_running("provider", "prod", "1.0")
    assert "base in dev is at 2.1" in here.run("why", "provider", "dev", "1.0")


@pytest.mark.skipif(not HAS_CEL, reason="CEL comes with the extra `cel`")
def test_an_expression_must_hold(here: Site) -> None:
    here.publish("newer", "1.0")
    here.await_why("newer", "prod", "1.0", "waits for newer to hold: artifact.version != '1.0'")
    here.publish("newer", "1.1")
    here.await_running("newer", "prod", "1.1")
    assert "newer holds: artifact.version != '1.0'" in here.run("why", "newer", "dev", "1.1")


def test_an_allowed_signer_must_vouch_for_the_very_file(here: Site) -> None:
    artifact = {"group": "com.example", "name": "signed", "version": "1.0", "digest": DIGEST}
    here.publish("signed", "1.0", digest=DIGEST)
    here.await_why("signed", "prod", "1.0", f"waits for an attestation of {DIGEST} by release-key")
    here.tell("artifact.attested", artifact=artifact, signer="mallory")
    here.await_why("signed", "prod", "1.0", "mallory may not vouch for it")
    here.tell("artifact.attested", artifact=artifact, signer="release-key")
    here.await_running("signed", "prod", "1.0")
    assert "signed: attested by release-key (signature)" in here.run("why", "signed", "dev", "1.0")
    here.publish("signed", "1.1")
    here.await_why("signed", "prod", "1.1", "signed: the artifact was published without a digest")
