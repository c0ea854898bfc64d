"""Problems of services, pipelines and environments, each with its place."""

from pathlib import Path

import pytest

from tests.configuration.given import config, problems_of

PIPELINE = "pipelines/main.yml"
SERVICE = "services/foo.yml"


def service(keys: str) -> dict[str, str]:
    """The service with more keys, from line 4 on."""
    return {SERVICE: f"artifacts: [com.example:foo]\npipelines: [main]\npromotions: [smoke]\n{keys}\n"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            "artifacts: [com.example:foo, foo]\npipelines: [main]",
            "1:30: foo is no artifact: write group:name, without a version",
        ),
        (
            "artifacts: [com.example:foo:1.2]\npipelines: [main]",
            "1:13: com.example:foo:1.2 is no artifact: write group:name, without a version",
        ),
        ("artifacts: [a:b, c:d, a:b]\npipelines: [main]", "1:23: a:b is listed twice"),
        ("artifacts: [a:b]\npipelines: [man]", "2:13: there is no pipeline man; did you mean main?"),
        (
            "artifacts: [a:b]\npipelines: [main]\npromotions:\n  - smoke\n  - smok",
            "5:5: there is no promotion smok; did you mean smoke?",
        ),
        (
            "artifacts: [a:b]\npipelines: [main]\npromotions: [smoke, smoke]",
            "3:21: smoke is listed twice",
        ),
        (
            "artifacts: [a:b]\npipelines: [main]\norder: versions",
            "3:8: expected published or version, found the text versions; did you mean version?",
        ),
        (
            "artifacts: [a:b]\npipelines: [main]\nfailure_strategy: rollbak",
            "3:19: expected one of stop, rollback, full_rollback, ignore, found rollbak",
        ),
    ],
)
def test_a_problem_of_a_service_has_its_place(tmp_path: Path, keys: str, message: str) -> None:
    assert problems_of(config(tmp_path, {SERVICE: f"{keys}\n"})) == [f"config/{SERVICE}:{message}"]


@pytest.mark.parametrize(
    ("stages", "messages"),
    [
        ("{}", ["1:15: a pipeline needs at least one environment"]),
        ("[dev, prod]", ["1:15: expected keys and values, found a list"]),
        ("\n  dev: {promotion: [soak]}", ["2:9: there is no key promotion here; did you mean promotions?"]),
        ("\n  dev: [soak]", ["2:8: expected keys and values, found a list"]),
        ("\n  dev: {promotions: [sok]}", ["2:22: there is no promotion sok; did you mean soak?"]),
        ("\n  dve:", ["2:3: there is no environment dve; did you mean dev? (expected environments/dve.yml)"]),
        (
            "\n  dev: {while_verifying: queue}",
            ["2:26: expected replace or wait, found the text queue"],
        ),
        # an `after` that names no stage is one problem; what comes after that stage is none
        (
            "\n  dev:\n  staging: {after: [dev, integ]}\n  prod:",
            ["3:26: integ is no stage of this pipeline; there is dev, prod, staging"],
        ),
        ("\n  dev:\n  prod: {after: [dev, dev]}", ["3:23: dev is listed twice"]),
        ("\n  dev:\n  prod: {after: {all: [dev], any: [dev]}}", ["3:17: write either all: or any:"]),
        ("\n  dev:\n  prod: {after: {}}", ["3:17: write either all: or any:"]),
        ("\n  dev:\n  prod: {after: {any: []}}", ["3:23: any of nothing is never there: name a stage"]),
        ("\n  dev: {after: dev}", ["2:16: dev waits for itself: dev → dev"]),
        (
            "\n  dev: {after: staging}\n  staging:",
            ["2:16: dev waits for itself: dev → staging → dev"],
        ),
        (
            "\n  dev: {after: [staging]}\n  staging:\n  prod:",
            [
                "2:16: dev waits for itself: dev → staging → dev",
                "4:3: no release can reach prod: what it comes after is never reached",
            ],
        ),
        # another way in does not resolve a cycle
        (
            "\n  dev:\n  staging: {after: {any: [dev, prod]}}\n  prod:",
            ["3:20: staging waits for itself: staging → prod → staging"],
        ),
        (
            "\n  dev:\n  staging: {after: [dev, prod]}\n  prod: {after: staging}",
            ["3:20: staging waits for itself: staging → prod → staging"],
        ),
    ],
)
def test_a_problem_of_a_pipeline_has_its_place(tmp_path: Path, stages: str, messages: list[str]) -> None:
    directory = config(tmp_path, {PIPELINE: f"environments: {stages}\n"})
    assert problems_of(directory) == [f"config/{PIPELINE}:{message}" for message in messages]


def test_an_environment_in_two_pipelines_of_one_service_is_a_problem(tmp_path: Path) -> None:
    directory = config(
        tmp_path,
        {
            SERVICE: "artifacts: [a:b]\npipelines: [main, fix]\n",
            "pipelines/fix.yml": "environments:\n  prod:\n",
        },
    )
    assert problems_of(directory) == [
        "config/services/foo.yml:2:19: prod is in main and in fix: a service meets each environment once"
    ]


def test_a_soak_at_the_entry_is_a_problem(tmp_path: Path) -> None:
    assert problems_of(config(tmp_path, {"environments/prod.yml": "entry: [smoke, soak]\n"})) == [
        "config/environments/prod.yml:1:16: soak is a soak: nothing has run here yet to soak; "
        "put it on the stage before this environment"
    ]


def test_the_defaults_of_services_are_checked_like_a_service(tmp_path: Path) -> None:
    defaults = "artifacts: [puppet]\npromotions: [smok]\npipelines: [main]\n"
    assert problems_of(config(tmp_path, {"services/_defaults.yml": defaults})) == [
        "config/services/_defaults.yml:1:13: puppet is no artifact: write group:name, without a version",
        "config/services/_defaults.yml:2:14: there is no promotion smok; did you mean smoke?",
        "config/services/_defaults.yml:3:1: there is no key pipelines here; there is artifacts, promotions",
    ]


def test_a_pipeline_without_end_is_refused_before_it_is_walked(tmp_path: Path) -> None:
    stages = "".join(f"  e{number}:\n" for number in range(20_000))
    assert problems_of(config(tmp_path, {PIPELINE: f"environments:\n{stages}"})) == [
        "config/pipelines/main.yml:2:3: has 20000 stages; a pipeline may have 200"
    ]
