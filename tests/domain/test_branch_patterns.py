"""The patterns of branches: which versions they take, and which can take none."""

import pytest

from deploydb.domain.model.branches import excluded_by, pattern_problem, takes


@pytest.mark.parametrize(
    ("branches", "taken", "left"),
    [
        ((), ["1.9.9", "nightly"], []),
        (("1.9.*",), ["1.9.9", "1.9.10-rc.1", "1.9.9+17"], ["1.9", "1.10.0", "1.90.1", "v1.9.9"]),
        (("1.9.*", "1.8.?"), ["1.9.9", "1.8.3"], ["1.8.10"]),
        (("!1.9.*",), ["1.10.0", "nightly"], ["1.9.9"]),
        (("1.*", "!1.9.*"), ["1.10.0"], ["1.9.9", "2.0"]),
        (("! 1.9.*",), ["1.10.0"], ["1.9.9"]),
        ((">=1.10",), ["1.10.0", "1.11rc1", "1.10.0-4-g1a2b3c4", "2.0"], ["1.9.9", "1.10.0rc1", "nightly", "1a2b3c4"]),
        ((">=1.9, <1.10",), ["1.9", "1.9.9", "1.9.10-feature.1"], ["1.10.0"]),
        (("!>=1.10",), ["1.9.9", "nightly"], ["1.10.0"]),
        (("!=1.9.*",), ["1.8.1"], ["1.9.9", "nightly"]),
        (("~=1.9.2",), ["1.9.3"], ["1.9.1", "1.10.0"]),
        (("release-[0-9]*",), ["release-7"], ["1.0"]),
    ],
)
def test_patterns_take_versions(branches: tuple[str, ...], taken: list[str], left: list[str]) -> None:
    assert [version for version in (*taken, *left) if takes(branches, version)] == taken


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        " ",
        "!",
        " 1.9.*",
        "1.8 1.9",
        "1.[9",
        "[9-1]*",
        ">=x",
        "=1.9",
        "===1.9.x",
        ">=2,<1",
        "<0",
        "==1,!=1.0",
        "!>2,<2",
    ],
)
def test_patterns_that_match_no_version_are_problems(pattern: str) -> None:
    assert pattern_problem(pattern) is not None


@pytest.mark.parametrize(
    "pattern",
    ["*", "1.9.*", "!1.9.*", "1.[89].*", "[]x]", "nightly", ">1.9,<1.9.1", "<1.0.dev1,>=1.0.dev0", "~=1.4", "!<2"],
)
def test_patterns_that_match_a_version_are_none(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    ("branches", "pattern", "by"),
    [
        (("1.9.*", "!1.*"), "1.9.*", "!1.*"),
        (("1.9.1", "!>=1.9"), "1.9.1", "!>=1.9"),
        (("*", "!*"), "*", "!*"),
        (("1.9.*", "!1.9.1"), "1.9.*", None),
        (("1.9.*", "!1.9.?"), "1.9.*", None),
        (("!1.9.*", "!1.*"), "!1.9.*", None),
    ],
)
def test_an_exclusion_may_leave_nothing_of_a_pattern(branches: tuple[str, ...], pattern: str, by: str | None) -> None:
    assert excluded_by(branches, pattern) == by
