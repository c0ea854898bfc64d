"""Whatever is in the files, reading them ends in a catalog or in problems: never in an exception."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploydb.configuration import load
from deploydb.domain.unsafe_characters import has_hidden
from tests.configuration.given import GOOD, config

KEYS = [
    "description",
    "artifacts",
    "pipelines",
    "promotions",
    "failure_strategy",
    "order",
    "environments",
    "after",
    "all",
    "any",
    "while_verifying",
    "orchestrator",
    "entry",
    "deadline",
    "deadline_at_most",
    "webhooks",
    "deployment",
    "promotion",
    "created",
    "completed",
    "type",
    "timeout",
    "approvals",
    "allow_author",
    "duration",
    "dev",
    "staging",
    "prod",
]
WORDS = [*KEYS, "smoke", "soak", "main", "a:b", "SoakPromotion", "ManualPromotion", "5s", "7", "true", "null", "~", ""]
MARKS = [
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "!!int ",
    "|",
    ">",
    "#",
    "---",
    "? ",
]

yamlish = st.lists(st.sampled_from(WORDS + MARKS), max_size=40).map("".join)
values = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        )
    ),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from(KEYS), values, max_size=5).map(
    lambda items: "".join(f"{key}: {value}\n" for key, value in items.items())
)
contents = st.one_of(yamlish.map(str.encode), documents.map(str.encode), st.text().map(str.encode), st.binary())


@settings(max_examples=300)
@given(changes=st.dictionaries(st.sampled_from([*GOOD, "services/_defaults.yml", "webhook/w.yml"]), contents))
def test_any_content_is_a_catalog_or_problems(changes: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = config(Path(folder), dict(changes))
        loaded = load(directory)
        assert (loaded.catalog is None) == bool(loaded.problems)
        for problem in loaded.problems:
            assert problem.line >= 1
            assert problem.column >= 1
            assert not has_hidden(str(problem))
        if loaded.catalog is not None:
            for service in loaded.catalog.services.values():
                for stage in loaded.catalog.stages(service):
                    loaded.catalog.exit_promotions(service, stage)
                    loaded.catalog.entry_promotions(stage.environment)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_without_end_is_refused_and_does_not_end_the_process(tmp_path: Path, opening: str) -> None:
    loaded = load(config(tmp_path, {"environments/dev.yml": opening * 60_000}))
    # PyYAML refuses it, too, from 6.0.4 on
    assert 1 <= len(loaded.problems) <= 2


def test_a_bomb_of_aliases_is_refused_unopened(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    loaded = load(config(tmp_path, {"environments/dev.yml": "\n".join(lines)}))
    assert "anchors are not supported: write it out where it is needed" in {each.message for each in loaded.problems}
