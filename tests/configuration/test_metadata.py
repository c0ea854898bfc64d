"""What a service's file says for people and other tools, and how a mistake in it is reported."""

from pathlib import Path

import pytest

from deploydb.configuration import load
from deploydb.domain.model.service_metadata import ServiceMetadata
from tests.configuration.given import GOOD, config, problems_of

SERVICE = "services/foo.yml"
LABEL = "letters, digits and . _ - only, at most 63, a letter or digit first and last"
KEY = LABEL.replace("- only", "- / only")
METADATA = """
repository: https://git.example.com/shop/foo.git
code_hosting: gitlab
team: Team Größe
chat: https://chat.example.com/shop
runbook: http://wiki/foo
labels: {example.com/tier: gold, cost-centre: 4711, a: b}
"""


def with_keys(folder: Path, keys: str) -> Path:
    return config(folder, {SERVICE: GOOD[SERVICE] + keys})


def test_a_service_has_its_metadata(tmp_path: Path) -> None:
    catalog = load(with_keys(tmp_path, METADATA)).catalog
    assert catalog is not None
    assert catalog.services["foo"].metadata == ServiceMetadata(
        repository="https://git.example.com/shop/foo.git",
        code_hosting="gitlab",
        team="Team Größe",
        chat="https://chat.example.com/shop",
        runbook="http://wiki/foo",
        labels={"example.com/tier": "gold", "cost-centre": "4711", "a": "b"},
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("repository: git@github.com:shop/foo.git", "4:13: git@github.com:shop/foo.git is no http or https address"),
        ("runbook: javascript:alert(1)", "4:10: javascript:alert(1) is no http or https address"),
        ("repository: 'https://[x/foo'", "4:13: https://[x/foo is no http or https address"),
        ("repository: 'https://ex＠b.com/r'", "4:13: https://ex＠b.com/r is no http or https address"),
        ("repository: https://git/x?a#b", "4:13: has a query or a fragment: leave it out"),
        ("repository: https://git/x#b", "4:13: has a query or a fragment: leave it out"),
        ("chat: 'https://a b'", "4:7: https://a b is no http or https address"),
        (
            "chat: https://bob:secret@chat.example.com/",
            "4:7: has a name or a password in it: configuration is no place for secrets",
        ),
        (
            f"runbook: https://wiki/{'x' * 2000}",
            f"4:10: expected text of length <= 2000, found the text https://wiki/{'x' * 47}…",
        ),
        ("team: ''", "4:7: expected text of length >= 1, found the text "),
        ("team: [shop]", "4:7: expected text, found a list"),
        (
            "repository: https://git/x\ncode_hosting: gitlub",
            "5:15: expected github or gitlab or bitbucket, found the text gitlub; did you mean gitlab?",
        ),
        ("code_hosting: gitlab", "4:15: repository is missing: there is no host to have pages"),
        ("labels: [gold]", "4:9: expected keys and values, found a list"),
        ("labels: {tier: gold plated}", f"4:16: gold plated is no value of a label: {LABEL}"),
        ("labels: {tier: -x}", f"4:16: -x is no value of a label: {LABEL}"),
        (f"labels: {{tier: {'x' * 64}}}", f"4:16: {'x' * 60}… is no value of a label: {LABEL}"),
        ("labels: {tier: true}", "4:16: expected text, found true"),
        ("labels: {tier: }", "4:16: expected text, found nothing"),
        ("labels: {a b: x}", f"4:10: a b is no key of a label: {KEY}"),
        (
            f"labels: {{{', '.join(f'k{n}: v' for n in range(33))}}}",
            "4:9: expected keys and values of length <= 32, found keys and values",
        ),
        ("lables: {a: b}", "4:1: there is no key lables here; did you mean labels?"),
    ],
)
def test_a_mistake_has_its_place(tmp_path: Path, keys: str, message: str) -> None:
    assert problems_of(with_keys(tmp_path, f"{keys}\n")) == [f"config/{SERVICE}:{message}"]


def test_the_digest_tells_metadata_apart_and_is_the_same_as_before_without_any(tmp_path: Path) -> None:
    found = [load(with_keys(tmp_path / name, keys)).catalog for name, keys in (("a", ""), ("b", "team: x\n"))]
    digests = [catalog.digest for catalog in found if catalog is not None]
    assert digests[0] == "78b8596ff4aa1251fba4426359627413ea61f8ed46e2e6691c89a4a7eaf6295b"
    assert digests[1] != digests[0]
