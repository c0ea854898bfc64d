"""Checks of promotions beyond the schema, with their places; good documents as promotions."""

from datetime import timedelta
from pathlib import Path

import pytest

from deploydb.configuration import load
from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.metric import MetricPromotion
from deploydb.domain.gates.provenance import ProvenancePromotion
from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.model.catalog import Retry
from tests.configuration.given import config, problems_of

ACCESS = "groups:\n  sre: [sue]\n  qa: [quinn]\noverride_freeze: [sre]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "type: ManualPromotion\ngroups: [ops]\n",
            "2:10: there is no group ops; there is qa, sre (expected access.yml)",
        ),
        (
            "type: ManualPromotion\ngroups: [sre]\napprovals: 2\ndistinct_groups: true\n",
            "4:18: 2 approvals of distinct groups need as many groups; there are 1",
        ),
        (
            "type: DependsOnPromotion\nservice: fou\nenvironment: dev\n",
            "2:10: there is no service fou; did you mean foo? (expected services/fou.yml)",
        ),
        (
            "type: DependsOnPromotion\nservice: foo\nenvironment: dev\nversion: '>=x'\n",
            "4:10: Invalid specifier: '>=x'; write a version, or a range such as >=2.1,<3",
        ),
        ("type: WebhookPromotion\nurl: ftp://x\n", "2:6: ftp://x is no http or https address"),
        (
            "type: WebhookPromotion\nurl: https://x/{verison}\n",
            "2:6: there is nothing to put in the place of {verison}; did you mean version?",
        ),
        (
            "type: WebhookPromotion\nurl: https://{version}.example.com/\n",
            "2:6: the publisher of a version would choose the host by {version}: put it into the path",
        ),
        (
            "type: WebhookPromotion\nurl: https://me:secret@example.com/\n",
            "2:6: has a name or a password in it: configuration is no place for secrets",
        ),
        ("type: WebhookPromotion\nurl: https://x/\ntimeout: 1h\n", "3:10: one answer may take 5m at most"),
        ("type: WebhookPromotion\nurl: https://x/\nbody: x\n", "3:7: a GET has no body: write method: POST"),
        (
            "type: WebhookPromotion\nurl: https://x/\nexpect: [20]\n",
            "3:9: expected statuses of HTTP, such as [200, 204]",
        ),
        (
            "type: MetricPromotion\nprometheus: http://p:9090\nquery: up\n",
            "1:1: write what the value must be: above: or below:",
        ),
        (
            "type: MetricPromotion\nprometheus: http://p:9090\nquery: up{app={service}}\nabove: 0\n",
            "3:8: write {service} between double quotes",
        ),
        (
            "type: MetricPromotion\nprometheus: http://p:9090\n"
            'query: up{app="{version}"} or up{app={version}}\nabove: 0\n',
            "3:8: write {version} between double quotes",
        ),
        (
            "type: MetricPromotion\nprometheus: http://p:9090\nquery: up{a='\"', b={version}, c='\"'}\nabove: 0\n",
            "3:8: write {version} between double quotes",
        ),
        (
            'type: MetricPromotion\nprometheus: http://p:9090\nquery: up{a=`"`, b={version}, c=`"`}\nabove: 0\n',
            "3:8: write {version} between double quotes",
        ),
        (
            'type: MetricPromotion\nprometheus: http://p:9090\nquery: |\n  up # "\n  > {version} # "\nabove: 0\n',
            "3:8: write {version} between double quotes",
        ),
        (
            "type: MetricPromotion\nprometheus: http://p:9090\nquery: |\n  up # {version}\nabove: 0\n",
            "3:8: {version} stands in a comment: leave it out",
        ),
        (
            "type: MetricPromotion\nprometheus: http://p:9090\nquery: 'up{a=\"\\{version}\"}'\nabove: 0\n",
            "3:8: a string has a \\ that begins no escape of PromQL: write \\\\",
        ),
        (
            "type: WebhookPromotion\nurl: https://x:{service}/\n",
            "2:6: a port cannot be {service}: put it into the path",
        ),
        (
            "type: WebhookPromotion\nurl: https://x/%{version}\n",
            "2:6: has % before {version}: write %25 for a percent sign",
        ),
        (
            "type: WebhookPromotion\nurl: https://x/{service}/../y\n",
            "2:6: has the path segment . or ..: write the path that is meant",
        ),
        (
            "type: WebhookPromotion\nurl: https://x/\nmethod: POST\nbody: '{\"a\": {version}}'\n",
            "4:7: write {version} between double quotes: the body is JSON",
        ),
        (
            "type: MetricPromotion\nprometheus: http://p:9090\nquery: up\nbelow: 1\nabove: much\n",
            "5:8: expected a number, found the text much",
        ),
        (
            "type: MetricPromotion\nprometheus: http://p:9090\nquery: up\nabove: 0\nfor: 2h\n",
            "1:1: must be longer than `for`, or it never can pass",
        ),
        ("type: ProvenancePromotion\nsigners: []\n", "2:10: name at least one signer"),
    ],
)
def test_a_problem_of_a_promotion_has_its_place(tmp_path: Path, text: str, message: str) -> None:
    found = problems_of(config(tmp_path, {"access.yml": ACCESS, "promotions/it.yml": text}))
    assert found == [f"config/promotions/it.yml:{message}"]


def test_a_promotion_may_not_have_a_reserved_name(tmp_path: Path) -> None:
    (message,) = problems_of(config(tmp_path, {"promotions/freeze.yml": "type: ManualPromotion\n"}))
    assert message.endswith("1:1: freeze is DeployDB's own word for a gate: give the promotion another name")


def test_groups_that_may_override_must_exist(tmp_path: Path) -> None:
    (message,) = problems_of(config(tmp_path, {"access.yml": "override_freeze: [sre]\n"}))
    assert message == "config/access.yml:1:19: there is no group sre"


def test_every_type_becomes_what_it_says(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "access.yml": ACCESS,
        "promotions/tests.yml": "type: VerificationPromotion\njobs: [unit, load]\ntimeout: 1h\n",
        "promotions/go.yml": "type: ManualPromotion\napprovals: 2\ngroups: [sre, qa]\ndistinct_groups: true\n"
        "allow_author: false\ntimeout: 1d\n",
        "promotions/db.yml": 'type: DependsOnPromotion\nservice: foo\nenvironment: dev\nversion: ">=2,<3"\n',
        "promotions/ready.yml": "type: WebhookPromotion\nurl: https://{service}.example.com/{version}\n"
        "headers: {accept: text/plain}\nexpect: [200, 204]\ninterval: 5s\nretries: 3\n",
        "promotions/errors.yml": "type: MetricPromotion\nprometheus: http://p:9090\n"
        "query: 'rate(e{app=\"{service}\"}[5m])'\nbelow: 0.01\nfor: 10m\n",
        "promotions/signed.yml": "type: ProvenancePromotion\nsigners: [cosign]\nkinds: [signature]\n",
    }
    catalog = load(config(tmp_path, files)).catalog
    assert catalog is not None
    known = catalog.promotions
    assert known["tests"] == VerificationPromotion(ident="tests", jobs=("unit", "load"), timeout=timedelta(hours=1))
    assert known["go"] == ManualPromotion(
        ident="go",
        approvals=2,
        groups=("sre", "qa"),
        distinct_groups=True,
        allow_author=False,
        timeout=timedelta(days=1),
    )
    assert known["db"] == DependsOnPromotion(ident="db", service="foo", environment="dev", version=">=2,<3")
    assert known["ready"] == WebhookPromotion(
        ident="ready",
        url="https://{service}.example.com/{version}",
        headers={"accept": "text/plain"},
        expect=(200, 204),
        interval=timedelta(seconds=5),
        retries=3,
    )
    assert known["errors"] == MetricPromotion(
        ident="errors",
        prometheus="http://p:9090",
        query='rate(e{app="{service}"}[5m])',
        below=0.01,
        for_=timedelta(minutes=10),
    )
    assert known["signed"] == ProvenancePromotion(ident="signed", signers=("cosign",), kinds=("signature",))
    assert (catalog.groups, catalog.freeze_overriders) == (
        {"sre": frozenset({"sue"}), "qa": frozenset({"quinn"})},
        ("sre",),
    )


def test_strategies_retries_and_groups_of_environments(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\nfailure_strategy: Full Rollback\n"
        "retry: {retries: 2, backoff: 1m}\nfail_on_incident: true\n",
        "environments/dev.yml": "failure_strategy: ignore\nretry: {retries: 0}\nfail_on_incident: false\n",
        "pipelines/main.yml": "supersede: queue\nenvironments:\n  dev:\n  staging: {supersede: all}\n"
        "  prod: {after: [dev], together: true}\nparallel:\n  - environments: [staging, prod]\n",
    }
    catalog = load(config(tmp_path, files)).catalog
    assert catalog is not None
    foo = catalog.services["foo"]
    assert [catalog.failure_strategy(foo, name) for name in ("dev", "prod")] == ["ignore", "full_rollback"]
    assert catalog.retry(foo, "prod") == Retry(retries=2, backoff=timedelta(minutes=1))
    assert catalog.retry(foo, "dev").retries == 0
    assert [catalog.fails_on_incident(foo, name) for name in ("dev", "prod")] == [False, True]
    assert [stage.supersede for stage in catalog.pipelines["main"].stages] == ["queue", "all", "queue"]
    assert [stage.together for stage in catalog.pipelines["main"].stages] == [False, False, True]
    (group,) = catalog.parallel(foo, "prod")
    assert (group.environments, group.most) == (("staging", "prod"), 1)
    assert catalog.parallel(foo, "dev") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parallel: [{environments: [dev, qa]}]", "6:33: there is no stage qa; there is dev, prod, staging"),
        ("parallel: [{environments: [dev]}]", "6:27: a group has at least two environments"),
        ("parallel: [dev]", "6:12: expected keys and values, found the text dev"),
        ("supersede: oldest", "6:12: expected newest or queue or all, found the text oldest"),
    ],
)
def test_a_problem_of_a_pipeline_has_its_place(tmp_path: Path, text: str, message: str) -> None:
    pipeline = f"environments:\n  dev:\n  staging:\n    promotions: [soak]\n  prod:\n{text}\n"
    assert problems_of(config(tmp_path, {"pipelines/main.yml": pipeline})) == [f"config/pipelines/main.yml:{message}"]
