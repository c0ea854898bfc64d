"""orchestrators/NAME.yml: tools that deploy, and what is wrong with one."""

from pathlib import Path

import pytest

from deploydb.configuration import load
from tests.configuration.given import config

JENKINS = "type: jenkins\nurl: https://ci.test\njob: deploy\nuser: u\ntoken_from: DEPLOYDB_ORCHESTRATOR_X\n"
GITHUB = "type: github\nrepository: acme/foo\ntoken_from: DEPLOYDB_ORCHESTRATOR_X\n"
HTTP = "type: http\nurl: https://paas.test/{service}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}\n", "1:1: type is missing: write one of argocd, github, gitlab, heroku, http, jenkins, rundeck"),
        ("type: jenkin\n", "1:7: expected a tool's type, found the text jenkin; did you mean jenkins?"),
        ("[]\n", "1:1: expected keys and values, found a list"),
        ("type: jenkins\njob: deploy\n", "1:1: url is missing"),
        (f"{JENKINS}jop: x\n", "6:1: there is no key jop here; did you mean job?"),
        (JENKINS.replace("https", "ftp"), "2:6: ftp://ci.test is no http or https address"),
        (JENKINS.replace("//", "//a:b@"), "2:6: has a name or a password in it: configuration is no place for secrets"),
        (JENKINS.replace("ci", "{service}"), "2:6: may have no place in it: the credential is sent there"),
        (
            JENKINS.replace("job: deploy", "job: d-{version}"),
            "3:6: may not have {version} in it, which publishers choose: only service, environment, type",
        ),
        (JENKINS.replace("user: u\n", ""), "1:1: user and token_from belong together: give both, or none"),
        (
            JENKINS.replace("DEPLOYDB_ORCHESTRATOR_X", "DEPLOYDB_SESSION_SECRET"),
            "5:13: expected DEPLOYDB_ORCHESTRATOR_ and a name, and not the credential itself",
        ),
        (
            f'{JENKINS}parameters: {{V: "{{versio}}"}}\n',
            "6:17: there is nothing to put in the place of {versio}; did you mean version?",
        ),
        (
            f"{JENKINS}parameters: {{DEPLOYDB_COMMAND: x}}\n",
            "6:14: is DeployDB's own, and given with each run",
        ),
        (HTTP.replace("paas", "{environment}"), "2:6: may have no place in its host: the credential is sent there"),
        (f"{HTTP}status_url: https://paas.test/{{run}}\n", "1:1: run is missing: status_url has {run} in it"),
        (
            f"{HTTP}status_url: https://paas.test/{{service}}\n",
            "3:13: has neither {run} nor {command} in it: it would show the state of other runs as this one's",
        ),
        (f"{HTTP}body: '{{\"v\": {{version}}}}'\n", "3:7: write {version} between double quotes: the body is JSON"),
        (f"{HTTP}state: status\n", "3:8: status is no path of a field: expected $.name.name"),
        (
            f"{HTTP}headers: {{Authorization: x}}\n",
            "3:11: is set by DeployDB: see token_from",
        ),
        (f"{GITHUB}workflow: a.yml\nevent: b\n", "4:11: expected either workflow or event"),
        (f"{GITHUB.replace('acme/', '')}workflow: a.yml\n", "2:13: expected owner/name, found foo"),
        (
            f"{GITHUB}event: b\nparameters: {{a: '', b: '', c: '', d: '', e: '', f: '', g: '', h: '', i: '', j: ''}}\n",
            "5:13: GitHub takes 9 beside DEPLOYDB_COMMAND",
        ),
        (
            "type: argocd\nurl: https://argo.test\napplication: a\ntoken_from: DEPLOYDB_ORCHESTRATOR_X\n",
            "1:1: revision or images is missing: they say what a version is for Argo CD",
        ),
        ("type: gitlab\nproject: a/b\n", "1:1: token_from is missing: GitLab starts nothing without a token"),
        ("type: heroku\napp: a\n", "1:1: token_from is missing: Heroku builds nothing without a token"),
        (
            "type: rundeck\nurl: https://rd.test\njob: '{version}'\n",
            "3:6: may not have {version} in it, which publishers choose: only service, environment, type",
        ),
    ],
)
def test_a_problem_has_its_place(tmp_path: Path, text: str, problem: str) -> None:
    loaded = load(config(tmp_path, {"orchestrators/o.yml": text}))
    problems = [str(problem).partition("orchestrators/o.yml:")[2] for problem in loaded.problems]
    assert problem in problems


def test_a_tool_that_no_environment_names_is_a_warning(tmp_path: Path) -> None:
    files = {"orchestrators/ci.yml": JENKINS, "orchestrators/default.yml": HTTP}
    loaded = load(config(tmp_path, files), warned=True)
    assert sorted(loaded.orchestrators) == ["ci", "default"]
    (warning,) = [str(warning) for warning in loaded.warnings if "orchestrators/" in str(warning)]
    assert warning.endswith("orchestrators/ci.yml:1:1: no environment has orchestrator: ci, so it is without effect")
