"""The order of versions, and when two publications of one cannot both be true."""

from functools import cmp_to_key
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploydb.domain.model.artifact import contradicted, version_key
from tests.domain.given import artifact

ASCENDING = [
    "master",
    "nightly",
    "release-1.2",
    "0.0.1",
    "1.0.dev1",
    "1.0a1",
    "1.0b1",
    "1.0-rc.1",
    "1.0rc2",
    "1.0",
    "1.0.post1",
    "1.2",
    "1.2.3-1.alpha.x",
    "1.2.3-2.alpha",
    "1.2.3-10.alpha",
    "1.2.3-hotfix",
    "1.2.3-hotfix.1",
    "1.2.3-hotfix.1.x",
    "1.2.3-hotfix.x",
    "1.2.3a1",
    "1.2.3-rc.1",
    "1.2.3",
    "1.2.3+build.5",
    "1.9",
    "1.10",
    "2015.3.14",
    "1!0.1",
]


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(ASCENDING)))
def test_versions_ascend(lower: str, higher: str) -> None:
    assert version_key(lower) < version_key(higher)


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "v1.0"), ("1.0", "1.0.0"), ("1.0", "V1"), ("1.0rc1", "1.0-RC.1"), ("1.0.post2", "1.0-2")]
)
def test_re_tags_of_one_version_are_equal_but_for_their_text(one: str, other: str) -> None:
    assert version_key(one)[:-1] == version_key(other)[:-1]
    assert version_key(one) != version_key(other)


VERSIONS = st.one_of(
    st.sampled_from(ASCENDING),
    st.from_regex(r"v?[0-9]{1,2}(\.[0-9]{1,2}){0,2}(-[a-z0-9.]{1,6})?(\+[a-z0-9]{1,3})?", fullmatch=True),
    st.text(max_size=255),
    st.text(alphabet="0123456789.-+v!²①٣", max_size=30),
)


@given(st.lists(VERSIONS, max_size=12))
def test_the_order_is_total_and_transitive(versions: list[str]) -> None:
    def compare(one: str, other: str) -> int:
        below, above = version_key(one) < version_key(other), version_key(one) > version_key(other)
        assert below + above == (one != other), "of two texts exactly one is the lower"
        return above - below

    ordered = sorted(set(versions), key=cmp_to_key(compare))
    assert ordered == sorted(set(versions), key=version_key)
    for place, lower in enumerate(ordered):
        assert all(version_key(lower) < version_key(higher) for higher in ordered[place + 1 :])


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
