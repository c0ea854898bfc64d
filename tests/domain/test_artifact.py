"""The order of versions, and when two publications of one cannot both be true."""

from datetime import UTC, datetime
from functools import cmp_to_key
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploydb.domain.model.artifact import contradicted, order_key, version_key
from tests.domain.given import artifact

ASCENDING = [
    "0.0.1",
    "0.0.1-1-g1a2b",
    "0.0.1-12-g1a2b3c4-dirty",
    "1.0.dev1",
    "1.0a1",
    "1.0.M2",
    "1.0b1",
    "1.0-rc.1",
    "1.0.CR2",
    "1.0",
    "1.0-3-gabcdef0",
    "1.0.post1",
    "1.2",
    "1.2.3-1.alpha.x",
    "1.2.3-2.alpha",
    "1.2.3-10.alpha",
    "1.2.3-SNAPSHOT",
    "1.2.3-feature",
    "1.2.3-feature.1",
    "1.2.3-feature.1.x",
    "1.2.3-feature.x",
    "1.2.3a1",
    "1.2.3-rc.1",
    "1.2.3",
    "1.2.3-hotfix",
    "1.2.3p1",
    "1.2.3-hotfix.2",
    "1.2.3-patch.10",
    "1.9",
    "1.10",
    "2015.3.14",
    "20240115",
    "20240115.2",
    "20240116",
    "1!0.1",
]


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(ASCENDING)))
def test_versions_ascend(lower: str, higher: str) -> None:
    assert version_key(lower) < version_key(higher)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.0", "v1.0"),
        ("1.0", "1.0.0"),
        ("1.0", "V1"),
        ("1.0rc1", "1.0-RC.1"),
        ("1.0.post2", "1.0-2"),
        ("5.4.2", "5.4.2.Final"),
        ("1.2.3", "1.2.3+build.5"),
        ("1.2.3", "1.2.3-1a2b3c4"),
        ("1.2.3", "1.2.3-1234567"),
        ("1.2.3+aa", "1.2.3-g1a2b3c4"),
        ("1.2.3-SNAPSHOT", "1.2.3-SNAPSHOT-1a2b3c4"),
    ],
)
def test_builds_and_other_spellings_of_one_version_are_equal(one: str, other: str) -> None:
    assert version_key(one) == version_key(other)


@pytest.mark.parametrize(
    "text",
    ["master", "nightly", "build-17", "release-1.2", "f00dbeef", "4021978", "1a23456", "main-1a23456", "x-3-g1a23"],
)
def test_hashes_and_other_text_are_equal_and_below_each_version(text: str) -> None:
    assert version_key(text) == version_key("latest") < version_key("0.0.1.dev0")


def test_releases_that_no_number_puts_in_order_are_ordered_by_time() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    for one, other in [("f00dbeef", "0a1b2c3"), ("1.0.0-f00dbeef", "1.0.0-0a1b2c3"), ("1.0", "1.0.0")]:
        assert order_key("version", one, early) < order_key("version", other, late)
        assert order_key("version", one, late) > order_key("version", other, early)


VERSIONS = st.one_of(
    st.from_regex(r"[0-9a-f]{6,9}", fullmatch=True),
    st.sampled_from(ASCENDING),
    st.from_regex(r"[0-9]\.[0-9](-[0-9]{1,2}-g[0-9a-f]{4,7}|[-+][0-9a-f]{6,8})", fullmatch=True),
    st.from_regex(r"v?[0-9]{1,2}(\.[0-9]{1,2}){0,2}(-[a-z0-9.]{1,6})?(\+[a-z0-9]{1,3})?", fullmatch=True),
    st.text(max_size=255),
    st.text(alphabet="0123456789.-+v!²①٣", max_size=30),
)


@given(st.lists(VERSIONS, max_size=12))
def test_the_order_is_total_and_transitive(versions: list[str]) -> None:
    def compare(one: str, other: str) -> int:
        below, above = newness(one) < newness(other), newness(one) > newness(other)
        assert below + above == (one != other), "of two texts exactly one is the lower"
        return above - below

    def newness(version: str) -> tuple[object, ...]:
        return order_key("version", version, datetime(2026, 1, 1, tzinfo=UTC))

    ordered = sorted(set(versions), key=cmp_to_key(compare))
    assert ordered == sorted(set(versions), key=newness)
    for place, lower in enumerate(ordered):
        assert all(newness(lower) < newness(higher) for higher in ordered[place + 1 :])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {}, None),
        ({"digest": "sha256:a"}, {"digest": "sha256:a"}, None),
        ({"digest": "sha256:a"}, {"digest": "sha256:b"}, "digest"),
        ({"digest": "sha256:a", "url": "http://x"}, {"digest": "sha256:a", "url": "http://y"}, None),
        ({"url": "http://x"}, {"url": "http://y"}, "url"),
        ({"url": "http://x", "digest": "sha256:a"}, {"url": "http://y"}, "url"),
        ({"url": "http://x", "digest": "sha256:a"}, {"url": "http://x"}, None),
        ({"url": "http://x"}, {"digest": "sha256:a"}, None),
    ],
)
def test_publications_contradict_where_their_digests_or_else_their_urls_differ(one, other, expected) -> None:
    first, second = artifact(**one), artifact(**other)
    assert contradicted(first, second) == contradicted(second, first) == expected


def test_an_artifact_says_its_module_and_itself() -> None:
    assert artifact("1.0").module == "com.example:foo"
    assert str(artifact("1.0")) == "com.example:foo 1.0"
