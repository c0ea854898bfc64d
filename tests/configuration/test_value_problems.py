"""Problems of one file: its YAML, its keys and its values, each with its place."""

from pathlib import Path
from typing import Annotated

import pytest
import yaml
from msgspec import Meta, Struct

from deploydb.configuration.promotions import promotion_types
from deploydb.configuration.reading import read_document
from deploydb.configuration.source import read_source
from tests.configuration.given import config, problems_of


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        pytest.param("environments/dev.yml", b"# ok\ndescription: caf\xe9\n", "2:17: is not UTF-8: the byte 0xe9"),
        pytest.param("environments/dev.yml", "description: a\0b\n", "1:15: the character U+0000 is not allowed"),
        pytest.param(
            "environments/dev.yml", "a" * 262145, "1:1: is 262,145 bytes; a configuration file may have 262,144"
        ),
        pytest.param("environments/dev.yml", "description: " + "[" * 500, "1:34: is nested deeper than 20 levels"),
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
            "1:11: 30 of what? Write the unit: 30s, 30m, 30h or 30d; or none, for no deadline",
        ),
        (
            "environments/dev.yml",
            "deadline: soon\n",
            "1:11: soon is no length of time; write for example 90s, 2h30m or 1d; or none, for no deadline",
        ),
        (
            "environments/dev.yml",
            "deadline: -PT5S\n",
            "1:11: -PT5S is no length of time; write for example 90s, 2h30m or 1d; or none, for no deadline",
        ),
        (
            "environments/dev.yml",
            "deadline: 0s\n",
            "1:11: 0s is out of bounds: longer than nothing, at most 3650d; or none, for no deadline",
        ),
        (
            "environments/dev.yml",
            "deadline_at_most: 30m\n",
            "1:19: shorter than deadline, 1h: give a longer one",
        ),
        (
            "environments/dev.yml",
            "deadline: none\ndeadline_at_most: 30m\n",
            "2:19: there is no deadline to extend: remove it, or give deadline a time",
        ),
        (
            "environments/dev.yml",
            "deadline: 999999999d\n",
            "1:11: 999999999d is out of bounds: longer than nothing, at most 3650d; or none, for no deadline",
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
            f"1:1: type is missing: write one of {', '.join(promotion_types())}",
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


def test_a_problem_is_one_line(tmp_path: Path) -> None:
    assert problems_of(config(tmp_path, {"environments/dev.yml": '"a\\nb\\e[31m": x\n'})) == [
        r"config/environments/dev.yml:1:1: there is no key a\nb\x1b[31m here"
    ]


class Bounded(Struct, kw_only=True):
    """Keys with bounds, as a package may have."""

    share: Annotated[float, Meta(ge=0, le=1)] = 0
    most: Annotated[float | None, Meta(gt=0)] = None
    names: Annotated[tuple[str, ...], Meta(min_length=2)] = ()
    counts: Annotated[list[Annotated[int, Meta(ge=1)]] | None, Meta(max_length=1)] = None
    by_name: Annotated[dict[str, int], Meta(min_length=1)] = {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("share: 1.5", "1:8: expected a number <= 1.0, found 1.5"),
        ("share: -1", "1:8: expected a number >= 0.0, found -1.0"),
        ("most: 0", "1:7: expected a number > 0.0, found 0.0"),
        ("names: [a]", "1:8: expected a list of length >= 2, found a list"),
        ("counts: [1, 2]", "1:9: expected a list of length <= 1, found a list"),
        ("by_name: {}", "1:10: expected keys and values of length >= 1, found keys and values"),
    ],
)
def test_a_value_beyond_its_bounds_is_reported_with_them(text: str, message: str) -> None:
    source = read_source("a.yml", text.encode())
    assert read_document(source, Bounded) == Bounded()
    assert [str(problem) for problem in source.problems] == [f"a.yml:{message}"]


def test_values_within_their_bounds_are_read() -> None:
    source = read_source("a.yml", b"share: 1\nmost: 0.5\nnames: [a, b]\ncounts: [1]\nby_name: {a: 1}\n")
    read = read_document(source, Bounded)
    assert read == Bounded(share=1.0, most=0.5, names=("a", "b"), counts=[1], by_name={"a": 1})
    assert source.problems == []
