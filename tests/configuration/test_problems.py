"""Each kind of problem, with its place and its message."""

import os
from pathlib import Path

import pytest
import yaml

from tests.configuration.given import config, problems_of, put

PIPELINE = "pipelines/main.yml"
SERVICE = "services/foo.yml"


def service(keys: str) -> dict[str, str]:
    """The service with more keys, from line 4 on."""
    return {SERVICE: f"artifacts: [com.example:foo]\npipelines: [main]\npromotions: [smoke]\n{keys}\n"}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        pytest.param("environments/dev.yml", b"# ok\ndescription: caf\xe9\n", "2:17: is not UTF-8: the byte 0xe9"),
        pytest.param("environments/dev.yml", "description: a\0b\n", "1:15: the character U+0000 is not allowed"),
        pytest.param(
            "environments/dev.yml", "a" * 262145, "1:1: is 262,145 bytes; a configuration file may have 262,144"
        ),
        pytest.param("environments/dev.yml", "description: " + "[" * 50_000, "1:34: is nested deeper than 20 levels"),
        pytest.param(
            "environments/dev.yml",
            "description: a\n---\ndescription: b\n",
            "2:1: a second document starts here: one object a file",
        ),
        pytest.param(
            "environments/dev.yml",
            "description: a\ndescription: b\n",
            "2:1: description is here twice; the first is in line 1",
        ),
        pytest.param("environments/dev.yml", "? [a]\n: b\n", "1:3: a key must be plain text"),
        pytest.param(
            "environments/dev.yml",
            "description: &a x\n",
            "1:14: anchors are not supported: write it out where it is needed",
        ),
        pytest.param("environments/dev.yml", "description: *a\n", "1:14: aliases are not supported: write it out"),
        pytest.param(
            "environments/dev.yml",
            "description: !x y\n",
            "1:14: the tag !x is not supported: write plain text",
        ),
    ],
)
def test_a_text_that_is_no_yaml_is_reported_with_its_place(
    tmp_path: Path, file: str, text: str | bytes, message: str
) -> None:
    assert problems_of(config(tmp_path, {file: text})) == [f"config/{file}:{message}"]


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML's own parser words its errors differently")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c\n", "1:5: mapping values are not allowed in this context"),
        ("entry: [smoke\n", "2:1: while parsing a flow sequence did not find expected ',' or ']'"),
        ("entry:\n\t- smoke\n", "2:1: while scanning for the next token found character that cannot start any token"),
    ],
)
def test_a_syntax_error_is_reported_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert problems_of(config(tmp_path, {"environments/dev.yml": text})) == [f"config/environments/dev.yml:{message}"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "environments/dev.yml",
            "\n  entri: [smoke]\n",
            "2:3: there is no key entri here; did you mean entry?",
        ),
        ("environments/dev.yml", "entry: smoke\n", "1:8: expected a list, found the text smoke"),
        ("environments/dev.yml", "- dev\n", "1:1: expected keys and values, found a list"),
        ("environments/dev.yml", "description: true\n", "1:14: expected text, found true"),
        ("environments/dev.yml", "description:\n", "1:13: expected text, found nothing"),
        (
            "environments/dev.yml",
            "deadline: 30\n",
            "1:11: 30 of what? Write the unit: 30s, 30m, 30h or 30d",
        ),
        (
            "environments/dev.yml",
            "deadline: soon\n",
            "1:11: soon is no length of time; write for example 90s, 2h30m or 1d",
        ),
        (
            "environments/dev.yml",
            "deadline: -PT5S\n",
            "1:11: -PT5S is no length of time; write for example 90s, 2h30m or 1d",
        ),
        (
            "environments/dev.yml",
            "deadline: 0s\n",
            "1:11: 0s is out of bounds: longer than nothing, at most 3650d",
        ),
        (
            "environments/dev.yml",
            "deadline: 999999999d\n",
            "1:11: 999999999d is out of bounds: longer than nothing, at most 3650d",
        ),
        (
            "environments/dev.yml",
            "orchestrator: run.deck\n",
            "1:15: an orchestrator's name has letters, digits, - and _ only, at most 64",
        ),
        (
            "environments/dev.yml",
            "webhooks:\n  deployment:\n    created: [http://ci.example.com/x, ftp://ci]\n",
            "3:40: ftp://ci is no http or https address",
        ),
        (
            "environments/dev.yml",
            "webhooks:\n  deployment:\n    create: [http://ci.example.com/x]\n",
            "3:5: there is no key create here; did you mean created?",
        ),
        ("webhook/ci.yml", "promotion:\n  completed: [ci]\n", "2:15: ci is no http or https address"),
        (
            "promotions/smoke.yml",
            "description: x\n",
            "1:1: type is missing: write one of VerificationPromotion, BasicPromotion, JenkinsPromotion, "
            "ManualPromotion, SoakPromotion, WindowPromotion, DependsOnPromotion, WebhookPromotion, MetricPromotion, "
            "ExpressionPromotion, ProvenancePromotion",
        ),
        (
            "promotions/smoke.yml",
            "type: JenkinsPromotio\n",
            "1:7: expected a promotion's type, found the text JenkinsPromotio; did you mean JenkinsPromotion?",
        ),
        (
            "promotions/smoke.yml",
            "type: [ManualPromotion]\n",
            "1:7: expected a promotion's type, found a list; did you mean ManualPromotion?",
        ),
        ("promotions/soak.yml", "type: SoakPromotion\n", "1:1: duration is missing"),
        (
            "promotions/smoke.yml",
            "type: ManualPromotion\napprovals: 0\n",
            "2:12: expected a number >= 1, found 0",
        ),
        (
            "promotions/smoke.yml",
            "type: ManualPromotion\nallow_author: yes\n",
            "2:15: expected true or false, found the text yes",
        ),
    ],
)
def test_a_wrong_key_or_value_is_reported_with_its_place(tmp_path: Path, file: str, text: str, message: str) -> None:
    assert problems_of(config(tmp_path, {file: text})) == [f"config/{file}:{message}"]


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
        ("artifacts: []\npipelines: [main]", "1:12: a service needs at least one artifact, such as com.example:foo"),
        ("pipelines: [main]", "1:1: a service needs at least one artifact, such as com.example:foo"),
        ("artifacts: [a:b]", "1:1: a service needs at least one pipeline"),
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


def test_every_error_of_every_file_is_reported_at_once_in_order(tmp_path: Path) -> None:
    directory = config(
        tmp_path,
        {
            "environments/dev.yml": "orchestratr: x\ndeadline: 5\nentry: [no-such-thing, true, smoke, smoke]\n",
            "pipelines/main.yml": "environments:\n  dev:\n    after: prod\n  prod:\n    promotions: x\n",
            "promotions/soak.yml": "duration: 1\ntype: SoakPromotion\ntyp: x\n",
            "services/foo.yml": "descriptoin: x\n",
        },
    )
    assert problems_of(directory) == [
        "config/environments/dev.yml:1:1: there is no key orchestratr here; did you mean orchestrator?",
        "config/environments/dev.yml:2:11: 5 of what? Write the unit: 5s, 5m, 5h or 5d",
        "config/environments/dev.yml:3:9: there is no promotion no-such-thing; there is smoke, soak",
        "config/environments/dev.yml:3:24: expected text, found true",
        "config/environments/dev.yml:3:37: smoke is listed twice",
        "config/pipelines/main.yml:3:12: dev waits for itself: dev → prod → dev",
        "config/pipelines/main.yml:5:17: expected a list, found the text x",
        "config/promotions/soak.yml:1:11: 1 of what? Write the unit: 1s, 1m, 1h or 1d",
        "config/promotions/soak.yml:3:1: there is no key typ here; did you mean type?",
        "config/services/foo.yml:1:1: a service needs at least one artifact, such as com.example:foo",
        "config/services/foo.yml:1:1: a service needs at least one pipeline",
        "config/services/foo.yml:1:1: there is no key descriptoin here; did you mean description?",
    ]


def test_a_broken_file_is_one_problem_and_not_one_for_each_that_names_it(tmp_path: Path) -> None:
    directory = config(tmp_path, {"pipelines/main.yml": b"\xff", "promotions/smoke.yml": "- x\n"})
    assert problems_of(directory) == [
        "config/pipelines/main.yml:1:1: is not UTF-8: the byte 0xff",
        "config/promotions/smoke.yml:1:1: expected keys and values, found a list",
    ]


def test_a_problem_is_one_line(tmp_path: Path) -> None:
    assert problems_of(config(tmp_path, {"environments/dev.yml": '"a\\nb\\e[31m": x\n'})) == [
        r"config/environments/dev.yml:1:1: there is no key a\nb\x1b[31m here; there is deadline, description, entry, "
        "fail_on_incident, failure_strategy, orchestrator, retry, webhooks"
    ]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("services/my shop.yml", "my shop is no name for it: letters, digits, . - and _ only, at most 128, a letter"),
        ("environments/eu.prod.yml", "eu.prod is no name for it: letters, digits, - and _ only, at most 64, a letter"),
        ("service/bar.yml", "is no folder of a configuration; did you mean services?"),
        ("bar.yml", "stands outside of the folders"),
        ("services/team/bar.yml", "is a folder: services/ has files only"),
    ],
)
def test_a_file_in_the_wrong_place_or_of_the_wrong_name_is_a_problem(tmp_path: Path, file: str, message: str) -> None:
    (found,) = problems_of(config(tmp_path, {file: "artifacts: [a:b]\npipelines: [main]\n"}))
    named = file if file.count("/") < 2 and not file.startswith("service/") else file.rpartition("/")[0]
    assert found.startswith(f"config/{named}:1:1: {message}")


def test_one_name_with_both_endings_is_a_problem(tmp_path: Path) -> None:
    directory = config(tmp_path, {"services/foo.yaml": "artifacts: [a:b]\npipelines: [main]\n"})
    assert problems_of(directory) == ["config/services/foo.yml:1:1: foo is here with two endings: keep one of them"]


def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    directory = config(tmp_path)
    (directory / "environments/a.yml").mkdir()
    (directory / "environments/b.yml").symlink_to("nowhere")
    os.mkfifo(directory / "environments/c.yml")
    assert problems_of(directory) == [
        "config/environments/a.yml:1:1: is not a file",
        "config/environments/b.yml:1:1: cannot be read: No such file or directory",
        "config/environments/c.yml:1:1: is not a file",
    ]


def test_a_missing_or_empty_directory_is_a_problem(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "missing") == ["missing:1:1: there is no such directory"]
    put(tmp_path / "file", "")
    assert problems_of(tmp_path / "file") == ["file:1:1: is not a directory"]
    (tmp_path / "empty").mkdir()
    assert problems_of(tmp_path / "empty") == ["empty:1:1: has no services: expected services/NAME.yml"]
    put(tmp_path / "bare/services/_defaults.yml", "")
    assert problems_of(tmp_path / "bare") == ["bare:1:1: has no services: expected services/NAME.yml"]


def test_a_pipeline_without_end_is_refused_before_it_is_walked(tmp_path: Path) -> None:
    stages = "".join(f"  e{number}:\n" for number in range(20_000))
    assert problems_of(config(tmp_path, {PIPELINE: f"environments:\n{stages}"})) == [
        "config/pipelines/main.yml:2:3: has 20000 stages; a pipeline may have 200"
    ]


def test_a_name_with_a_hidden_character_is_a_problem(tmp_path: Path) -> None:
    files = {
        "access.yml": 'groups:\n  "s\\u202ere": [alice]\n  qa: ["bo\\u200bb"]\n',
        "services/fo\u202eo.yml": "artifacts: [com.example:foo]\npipelines: [main]\n",
    }
    text = "\n".join(problems_of(config(tmp_path, files)))
    for expected in ("U+202E is not allowed", "U+200B is not allowed", "fo\\u202eo is no name for it"):
        assert expected in text
