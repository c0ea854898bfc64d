"""webhook/NAME.yml: webhooks with a name, and what is wrong with one."""

from pathlib import Path

import pytest

from deploydb.configuration import load
from deploydb.domain.model.webhooks import PAGERDUTY_URL, Endpoint
from tests.configuration.given import config

REPORT = "report: github\ntoken_from: DEPLOYDB_WEBHOOK_GITHUB\n"
TEMPLATE = "url: https://x\nformat: template\n"


def problems(tmp_path: Path, text: str) -> list[str]:
    loaded = load(config(tmp_path, {"webhook/w.yml": text}))
    return [str(problem).partition("webhook/w.yml:")[2] for problem in loaded.problems]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("url: ftp://x\n", "1:6: ftp://x is no http or https address"),
        ("url: https://x\nurl_from: DEPLOYDB_WEBHOOK_X\n", "2:11: url is there, too: give one of them"),
        ("format: slack\n", "1:1: url or url_from is missing"),
        (
            "url_from: PATH\n",
            "1:11: is no variable for webhooks: expected DEPLOYDB_WEBHOOK_ and a name, and not the value itself",
        ),
        (
            "url: https://x\nsecret_from: [DEPLOYDB_DATABASE_URL]\n",
            "2:15: is no variable for webhooks: expected DEPLOYDB_WEBHOOK_ and a name, and not the value itself",
        ),
        ("url: ''\n", "1:6:  is no http or https address"),
        ("url: 'https://[x/'\n", "1:6: https://[x/ is no http or https address"),
        (
            "format: pagerduty\nsecret_from: [DEPLOYDB_WEBHOOK_PAGER]\ntypes: [deployment.started]\n",
            "3:9: pagerduty takes no deployment.started: there is "
            "deployment.failed, gate.errored and deployment.succeeded",
        ),
        ("format: pagerduty\n", "1:1: pagerduty needs one: the variable with the routing key"),
        ("report: gitlab\ntoken_from: DEPLOYDB_WEBHOOK_X\n", "1:1: repository is missing: a report to gitlab needs it"),
        (f"{REPORT}repository: acme\n", "3:13: expected owner/name, found acme"),
        (
            f"{REPORT}repository: acme/{{version}}\n",
            "3:13: expected {service} or {environment} in braces, found {version}",
        ),
        (
            f"{REPORT}repository: a/b\nurl: https://a:b@x\n",
            "4:6: has a name or a password in it: configuration is no place for secrets",
        ),
        (f"{REPORT}repository: a/b\nformat: slack\n", "4:1: is not for a report"),
        (
            f"{REPORT}repository: a/b\ntypes: [hold.placed]\n",
            "4:9: github takes no hold.placed: there is deployment.requested, deployment.started, "
            "deployment.finished, deployment.succeeded and deployment.failed",
        ),
        ("url: https://x\nrepository: a/b\n", "2:1: is for a report alone: write report: github or gitlab beside it"),
        ("url: https://x\nservices: [fooo]\n", "2:12: there is no service fooo; did you mean foo?"),
        ("url: https://x\nenvironments: [deb]\n", "2:16: there is no environment deb; did you mean dev?"),
        (
            f'{TEMPLATE}template: |\n  {{\n    "a": {{{{ headlin | tojson }}}}\n  }}\n',
            "5:1: template of flow.opened: UndefinedError: 'headlin' is undefined",
        ),
        (
            f'{TEMPLATE}template: \'{{"a": "{{{{ reason }}}}"}}\'\n',
            "3:11: of flow.opened: makes no JSON: Expecting ',' delimiter: line 1 column 11 (char 10); write "
            "{{ reason | tojson }} for a text",
        ),
        (
            f"{TEMPLATE}content_type: text/plain\ntypes: [hold.placed]\ntemplate: '{{{{ flow < 3 }}}}'\n",
            "5:11: of hold.placed: TypeError: '<' not supported between instances of 'NoneType' and 'int'",
        ),
        (
            f"{TEMPLATE}template: |\n\n  {{% for x in reason %}}\n  {{% endfor %}}\n",
            "5:1: template for goes through one of groups, differences, details",
        ),
        (
            f"{TEMPLATE}template: '{{{{ range(9) }}}}'\n",
            "3:11: a call is not supported: write values, filters, if and for",
        ),
        (f"{TEMPLATE}content_type: json\n", "3:15: json is no media type, such as application/json"),
        (TEMPLATE, "1:1: template is missing: the body, such as '{\"text\": {{ headline | tojson }}}'"),
        ("url: https://x\ntemplate: x\n", "2:1: is for the format template alone, and this is json"),
    ],
)
def test_a_problem_has_its_place(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in problems(tmp_path, text)


def test_a_misspelt_type_is_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "url: https://x\ntypes: [deployment.faild]\n")
    assert "did you mean deployment.failed?" in problem


def test_a_template_is_tried_with_every_type_that_it_is_for(tmp_path: Path) -> None:
    assert problems(tmp_path, f"{TEMPLATE}template: '{{\"text\": {{{{ headline | tojson }}}}}}'\n") == []
    text = f"{TEMPLATE}content_type: text/plain\ntemplate: '{{{{ outcome | length }}}}'\ntypes: [deployment.finished]\n"
    assert problems(tmp_path, text) == []


def test_pagerduty_gets_what_it_has_a_use_for(tmp_path: Path) -> None:
    text = "format: pagerduty\nsecret_from: [DEPLOYDB_WEBHOOK_PAGER]\n"
    catalog = load(config(tmp_path, {"webhook/pager.yml": text})).catalog
    assert catalog is not None
    types = ("deployment.succeeded", "deployment.failed", "gate.errored")
    assert catalog.endpoints["pager"] == Endpoint(
        ident="pager", url=PAGERDUTY_URL, types=types, format="pagerduty", secret_from=("DEPLOYDB_WEBHOOK_PAGER",)
    )
    assert catalog.webhook_types == set(types)


def test_lists_alone_are_no_webhook_with_a_name(tmp_path: Path) -> None:
    catalog = load(config(tmp_path, {"webhook/w.yml": "deployment:\n  created: [https://x]\n"})).catalog
    assert catalog is not None
    assert (catalog.endpoints, catalog.webhook_types) == ({}, {"deployment.requested"})
