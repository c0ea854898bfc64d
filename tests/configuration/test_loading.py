"""What a good directory becomes."""

from datetime import timedelta
from pathlib import Path

import pytest

from deploydb.configuration import load
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.soak import SoakPromotion
from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.model.catalog import After, Catalog, Environment, Service, Stage
from deploydb.domain.model.webhooks import DeploymentWebhooks, PromotionWebhooks, Webhooks
from tests.configuration.given import config, problems_of, put

EXAMPLE = Path(__file__).parents[2] / "config"

SMALLEST = {
    "services/faas.yml": """\
description: Fun as a Service
artifacts: [com.example:faas, com.example.puppet:puppet-faas]
pipelines: [devtoprod]
promotions: [jenkins-smoke]
failure_strategy: stop
""",
    "pipelines/devtoprod.yml": """\
description: Development to production
environments:
  dev:
  integ:
  preprod:
    promotions: [prod-preflight, manual]
  prod:
""",
    "environments/integ.yml": """\
description: Integration
webhooks:
  deployment:
    created: [http://jenkins.example.com/deploydb/trigger]
""",
    "promotions/jenkins-smoke.yml": "type: JenkinsPromotion\ndescription: Smoke test of the service\n",
}


def read(directory: Path) -> Catalog:
    """The catalog of a directory that is good."""
    loaded = load(directory)
    assert loaded.catalog is not None, problems_of(directory)
    assert loaded.problems == ()
    return loaded.catalog


def test_the_smallest_example_loads_once_all_that_it_names_is_there(tmp_path: Path) -> None:
    for path, text in SMALLEST.items():
        put(tmp_path / "config" / path, text)
    assert [line.rpartition(": ")[2].partition(";")[0] for line in problems_of(tmp_path / "config")] == [
        "there is no environment dev",
        "there is no environment preprod",
        "there is no promotion prod-preflight",
        "there is no promotion manual",
        "there is no environment prod",
    ]
    known = load(tmp_path / "config").catalog
    assert known is not None
    assert (known.services, known.every_service().keys(), known.services_of("com.example:faas")) == ({}, {"faas"}, ())
    lacks = ("environment dev", "environment preprod", "promotion prod-preflight", "promotion manual")
    assert known.incomplete["faas"].lacks == (*lacks, "environment prod")
    for name in ("dev", "preprod", "prod"):
        put(tmp_path / f"config/environments/{name}.yml", "")
    put(tmp_path / "config/promotions/prod-preflight.yaml", "type: BasicPromotion\n")
    put(tmp_path / "config/promotions/manual.yml", "type: ManualPromotion\n")

    catalog = read(tmp_path / "config")

    assert catalog.services == {
        "faas": Service(
            ident="faas",
            description="Fun as a Service",
            artifacts=("com.example:faas", "com.example.puppet:puppet-faas"),
            pipelines=("devtoprod",),
            promotions=("jenkins-smoke",),
        )
    }
    assert catalog.pipelines["devtoprod"].stages == (
        Stage(environment="dev"),
        Stage(environment="integ", after=After(environments=("dev",))),
        Stage(environment="preprod", promotions=("prod-preflight", "manual"), after=After(environments=("integ",))),
        Stage(environment="prod", after=After(environments=("preprod",))),
    )
    assert catalog.environments["integ"] == Environment(
        ident="integ",
        description="Integration",
        webhooks=Webhooks(deployment=DeploymentWebhooks(created=("http://jenkins.example.com/deploydb/trigger",))),
    )
    assert catalog.promotions == {
        "jenkins-smoke": VerificationPromotion(
            ident="jenkins-smoke", type="JenkinsPromotion", description="Smoke test of the service"
        ),
        "manual": ManualPromotion(ident="manual"),
        "prod-preflight": VerificationPromotion(ident="prod-preflight", type="BasicPromotion"),
    }


def test_the_example_in_config_loads_and_has_what_the_tour_shows() -> None:
    catalog = read(EXAMPLE)
    assert len(catalog.services) == 3
    assert any(service.order == "version" for service in catalog.services.values())
    assert any(len(service.artifacts) == 2 for service in catalog.services.values())
    for service in catalog.services.values():
        assert [stage.environment for stage in catalog.stages(service)] == ["dev", "staging", "prod"]
        assert service.promotions == ("smoke",)
        kinds = {type(promotion) for promotion in catalog.exit_promotions(service, catalog.stages(service)[1])}
        assert kinds == {VerificationPromotion, SoakPromotion, ManualPromotion}
    assert list(catalog.orchestrators()) == ["default"]


def test_every_key_of_every_kind_arrives_in_the_catalog(tmp_path: Path) -> None:
    directory = config(
        tmp_path,
        {
            "services/foo.yml": "artifacts: [a:b]\npipelines: [main]\norder: version\nfailure_strategy: STOP\n",
            "environments/prod.yml": "orchestrator: rundeck\nentry: [smoke]\ndeadline: 15m\n",
            "environments/dev.yml": "deadline: None\n",
            "promotions/smoke.yml": "type: VerificationPromotion\ntimeout: 30m\n",
            "promotions/go.yml": "type: ManualPromotion\napprovals: 2\nallow_author: false\n",
            "pipelines/main.yml": "environments:\n  dev:\n  staging:\n    while_verifying: wait\n  prod:\n",
        },
    )
    catalog = read(directory)
    assert catalog.services["foo"].order == "version"
    assert catalog.services["foo"].failure_strategy == "stop"
    assert catalog.environments["prod"] == Environment(
        ident="prod", orchestrator="rundeck", entry=("smoke",), deadline=timedelta(minutes=15)
    )
    assert catalog.environments["dev"].deadline is None
    assert catalog.promotions["smoke"] == VerificationPromotion(ident="smoke", timeout=timedelta(minutes=30))
    assert catalog.promotions["go"] == ManualPromotion(ident="go", approvals=2, allow_author=False)
    assert catalog.pipelines["main"].stages[1].while_verifying == "wait"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("dev", After(environments=("dev",))),
        ("[dev, staging]", After(environments=("dev", "staging"))),
        ("{all: [dev, staging]}", After(environments=("dev", "staging"))),
        ("{any: [dev, staging]}", After(environments=("dev", "staging"), need="any")),
        ("[]", After()),
        ("", After(environments=("staging",))),
    ],
)
def test_a_stage_says_in_each_way_what_it_comes_after(tmp_path: Path, after: str, expected: After) -> None:
    stages = f"environments:\n  dev:\n  staging:\n  prod:\n    after: {after}\n"
    catalog = read(config(tmp_path, {"pipelines/main.yml": stages}))
    assert catalog.pipelines["main"].stages[2].after == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("5s", timedelta(seconds=5)),
        ("2h30m", timedelta(hours=2, minutes=30)),
        ("1d", timedelta(days=1)),
        ("PT2H", timedelta(hours=2)),
        ("P1DT30M", timedelta(days=1, minutes=30)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_duration_is_read_as_people_write_it(tmp_path: Path, written: str, expected: timedelta) -> None:
    catalog = read(config(tmp_path, {"promotions/soak.yml": f"type: SoakPromotion\nduration: {written}\n"}))
    assert catalog.promotions["soak"] == SoakPromotion(ident="soak", duration=expected)


@pytest.mark.parametrize("text", ["1.10", "10:00", "on", "0x10", "007", "1_000", "2026-11-22", "1e3", "42", "'true'"])
def test_what_looks_like_more_than_text_stays_the_text_it_is(tmp_path: Path, text: str) -> None:
    catalog = read(config(tmp_path, {"environments/dev.yml": f"description: {text}\n"}))
    assert catalog.environments["dev"].description == text.strip("'")


def test_the_defaults_add_to_every_service_what_it_does_not_have(tmp_path: Path) -> None:
    directory = config(
        tmp_path,
        {
            "services/_defaults.yml": "artifacts: [com.example:agent]\npromotions: [smoke, audit]\n",
            "services/bar.yml": "artifacts: [com.example:agent, com.example:bar]\npipelines: [main]\n",
            "promotions/audit.yml": "type: VerificationPromotion\n",
        },
    )
    catalog = read(directory)
    assert list(catalog.services) == ["bar", "foo"]
    assert catalog.services["bar"].artifacts == ("com.example:agent", "com.example:bar")
    assert catalog.services["foo"].artifacts == ("com.example:foo", "com.example:agent")
    assert catalog.services["foo"].promotions == ("smoke", "audit")
    assert catalog.services_of("com.example:agent") == ("bar", "foo")


def test_the_global_webhooks_are_those_of_all_files(tmp_path: Path) -> None:
    one, two = "http://one.example.com/", "https://two.example.com:8443/hook?x=1"
    directory = config(
        tmp_path,
        {
            "webhook/a.yml": f"deployment:\n  created: [{one}]\n  failed: [{one}]\n",
            "webhook/b.yaml": f"deployment:\n  created: [{two}, {one}]\npromotion:\n  completed: ['{two}']\n",
        },
    )
    assert read(directory).webhooks == Webhooks(
        deployment=DeploymentWebhooks(created=(one, two), failed=(one,)),
        promotion=PromotionWebhooks(completed=(two,)),
    )


def test_hidden_files_and_other_endings_are_not_read(tmp_path: Path) -> None:
    directory = config(tmp_path, {"services/.foo.yml.swp": "{", "services/foo.yml~": "{", "README.md": "{"})
    assert read(directory).services.keys() == {"foo"}


def test_comments_order_of_keys_and_quotes_do_not_change_the_digest_and_values_do(tmp_path: Path) -> None:
    first = read(config(tmp_path / "1")).digest
    rewritten = "# why\npromotions:\n  - 'smoke'\npipelines: [main]  # one\nartifacts: ['com.example:foo']\n"
    assert read(config(tmp_path / "2", {"services/foo.yml": rewritten})).digest == first
    changed = "artifacts: [com.example:foo]\npipelines: [main]\n"
    assert read(config(tmp_path / "3", {"services/foo.yml": changed})).digest != first
    another_order = "environments:\n  staging:\n    promotions: [soak]\n  dev:\n  prod:\n"
    assert read(config(tmp_path / "4", {"pipelines/main.yml": another_order})).digest != first


def test_five_thousand_services_load(tmp_path: Path) -> None:
    directory = config(tmp_path)
    for number in range(5000):
        text = f"artifacts: [com.example:s{number}]\npipelines: [main]\npromotions: [smoke]\n"
        (directory / f"services/s{number}.yml").write_text(text)
    assert len(read(directory).services) == 5001


def test_a_person_of_a_group_has_one_spelling(tmp_path: Path) -> None:
    known = read(config(tmp_path, {"access.yml": 'groups:\n  sre: [" sue", "ｓａｍ", sam, Sam]\n'}))
    assert known.groups == {"sre": frozenset({"sue", "sam", "Sam"})}
