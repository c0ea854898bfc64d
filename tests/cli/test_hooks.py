"""`hook`: which webhooks there are, and what a payload becomes."""

import hashlib
import hmac
import json
import re
import shutil
from pathlib import Path

import pytest

from deploydb.configuration import load
from deploydb.hooks.tool import known_tools
from tests.cli.shell import Shell
from tests.cluster import ROOT, write_config
from tests.workers.in_process import CONFIG

HOOK = """
type: github
secret: {env: HOOK_SECRET}
rules:
  - when: {repository: acme/foo, kind: artifact}
    artifact: com.example:foo
"""
RELEASE = {
    "action": "published",
    "release": {"id": 1, "tag_name": "1.2.0", "published_at": "2026-11-20T10:00:00Z"},
    "repository": {"full_name": "acme/foo"},
}


@pytest.fixture
def configured(shell: Shell) -> Shell:
    write_config(shell.folder / "config", {**CONFIG, "hooks/github.yml": HOOK})
    (shell.folder / "release.json").write_text(json.dumps(RELEASE))
    return shell


def hook_test(*more: str) -> tuple[str, ...]:
    return ("hook", "test", "github", "--payload", "release.json", "--header", "X-GitHub-Event: release", *more)


def test_the_fact_of_a_payload_is_shown_and_not_published(configured: Shell) -> None:
    found = configured.json(*hook_test())
    assert found["verified"] == "no: hooks/github.yml: HOOK_SECRET is empty or not set: it must hold the secret"
    assert found["ignored"] == []
    assert found["facts"] == [
        {
            "type": "artifact.published",
            "id": "release/acme/foo/1/1.2.0",
            "source": "hooks/github",
            "time": "2026-11-20T10:00:00Z",
            "artifact": {"group": "com.example", "name": "foo", "version": "1.2.0"},
        }
    ]
    assert "becomes   artifact.published" in configured.ok(*hook_test()).stdout


def test_a_given_signature_is_verified(configured: Shell) -> None:
    body = (configured.folder / "release.json").read_bytes()
    signature = hmac.new(b"abc", body, hashlib.sha256).hexdigest()
    header = ("--header", f"X-Hub-Signature-256: sha256={signature}")
    assert "verified  yes" in configured.ok(*hook_test(*header), HOOK_SECRET="abc").stdout
    ended = configured.ok(*hook_test(*header), HOOK_SECRET="abd")
    assert "verified  no: the header X-Hub-Signature-256 does not match" in ended.stdout


def test_what_a_payload_lacks_is_shown_and_it_ends_with_1(configured: Shell) -> None:
    other = json.dumps({**RELEASE, "repository": {"full_name": "acme/other"}})
    ended = configured.run(
        "hook", "test", "github", "--payload", "-", "--header", "X-GitHub-Event: release", stdin=other.encode()
    )
    assert ended.returncode == 1
    assert "no rule of hooks/github.yml gives an artifact for it" in ended.stdout
    assert "a rule may give artifact" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (("hook", "test", "github", "--payload", "release.json"), "X-GitHub-Event: the header is missing", 1),
        (("hook", "test", "githb", "--payload", "release.json"), "there is no hook githb; did you mean github?", 1),
        (hook_test("--header", "nothing"), "expected 'Name: value', found 'nothing'", 2),
    ],
)
def test_a_request_that_is_none_is_refused(
    configured: Shell, arguments: tuple[str, ...], message: str, code: int
) -> None:
    assert message in configured.fails(*arguments, code=code)


def test_the_hooks_are_listed(configured: Shell) -> None:
    assert configured.json("hook", "list") == [
        {"name": "github", "type": "github", "path": "/hooks/github", "rules": 1}
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("type: githb\nsecret: {env: A}\n", "1:7: expected a tool's type, found githb; did you mean github?"),
        ("type: github\n", "1:1: secret is missing"),
        ("type: github\nsecret: {}\n", "2:9: expected either env: VARIABLE or file: PATH"),
        ("type: github\nsecret: {env: a b}\n", "2:15: expected the name of a variable, not the secret itself"),
        ("type: github\nsecret: hunter2\n", "2:9: expected keys and values, found the text hunter2"),
        (f"{HOOK}  - when: {{repositry: x}}\n    ignore: true\n", "7:12: the tool has no name repositry; did you mean"),
        (f"{HOOK}  - when: {{$.a..b: x}}\n    ignore: true\n", "7:12: $.a..b is no path of a field"),
        (f"{HOOK}  - artifact: foo\n", "7:15: expected group:name, found foo"),
        (f"{HOOK}  - artifact: 'com:{{repo}}'\n", "7:15: the tool has no name repo"),
        (f"{HOOK}  - environment: nowhere\n", "7:18: there is no environment nowhere"),
        (f"{HOOK}  - {{}}\n", "7:5: says nothing: give artifact"),
        (f"{HOOK}  - version: '{{tag*}}'\n", "7:14: {tag*} needs tag in when, with one * and neither ? nor ["),
        (f"{HOOK}  - when: {{tag: 'v*-*'}}\n    version: '{{tag*}}'\n", "8:14: {tag*} needs tag in when, with one *"),
        (f"{HOOK}deployments: mine\n", "7:14: expected reported or observed, found mine"),
    ],
)
def test_a_broken_hook_is_a_problem_with_its_place(shell: Shell, text: str, problem: str) -> None:
    write_config(shell.folder / "config", {**CONFIG, "hooks/github.yml": text})
    ended = shell.run("check-config")
    assert ended.returncode == 1
    (line,) = ended.stdout.splitlines()
    assert line.startswith(f"config/hooks/github.yml:{problem}")


@pytest.mark.parametrize("name", known_tools())
def test_every_tool_has_a_page_with_its_names_and_a_hook_that_can_be_used(name: str, tmp_path: Path) -> None:
    page = (ROOT / f"docs/how-to/{name}.md").read_text(encoding="utf-8")
    assert {known for known in known_tools()[name].names if f"`{known}`" not in page} == set()
    assert f"/hooks/{name}" in page
    assert f"({name}.md)" in (ROOT / "docs/how-to/README.md").read_text(encoding="utf-8")
    files = re.findall(rf"^```yaml\n(type: {name}\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    (hook,) = (text for text in files if "rules:" in text)
    runs = {f"orchestrators/{name}.yml": text for text in files if text != hook}
    shutil.copytree(ROOT / "config", tmp_path / "config")
    write_config(tmp_path / "config", {f"hooks/{name}.yml": hook, **runs})
    loaded = load(tmp_path / "config")
    assert (loaded.problems, [*loaded.hooks], len(loaded.orchestrators)) == ((), [name], len(runs))
