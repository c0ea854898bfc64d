"""The pages of commits and comparisons at each kind of host."""

import pytest

from deploydb.domain.code_links import commit_url, commit_url_of, compare_url
from deploydb.domain.model.catalog import Service
from deploydb.domain.model.service_metadata import CodeHosting, ServiceMetadata
from tests.scenario import catalog

OLD, NEW = "1" * 40, "abcdef0"


@pytest.mark.parametrize(
    ("repository", "hosting", "commit", "comparison"),
    [
        ("https://github.com/a/b", None, "/commit/abcdef0", f"/compare/{OLD}...abcdef0"),
        ("https://gitlab.com/a/b", None, "/-/commit/abcdef0", f"/-/compare/{OLD}...abcdef0"),
        ("https://gitlab.example.com:8443/a/b", None, "/-/commit/abcdef0", f"/-/compare/{OLD}...abcdef0"),
        ("https://bitbucket.org/a/b", None, "/commits/abcdef0", f"/branches/compare/abcdef0%0D{OLD}"),
        ("https://codeberg.org/a/b", None, "/commit/abcdef0", f"/compare/{OLD}...abcdef0"),
        ("https://git.example.com/a/b", "gitlab", "/-/commit/abcdef0", f"/-/compare/{OLD}...abcdef0"),
        ("https://github.com/gitlab/b", None, "/commit/abcdef0", f"/compare/{OLD}...abcdef0"),
        ("https://git.example.com/a/{b}", None, "/commit/abcdef0", f"/compare/{OLD}...abcdef0"),
    ],
)
def test_a_host_has_its_own_pages(repository: str, hosting: CodeHosting | None, commit: str, comparison: str) -> None:
    for written in (repository, f"{repository}/", f"{repository}.git"):
        metadata = ServiceMetadata(repository=written, code_hosting=hosting)
        assert commit_url(metadata, NEW) == f"{repository}{commit}"
        assert compare_url(metadata, OLD, NEW) == f"{repository}{comparison}"


@pytest.mark.parametrize("commit", [None, "", "main", "abcdef", "ABCDEF0", "abcdef0/../..", '"><script>', "a" * 65])
def test_what_is_no_id_of_a_commit_has_no_page(commit: str | None) -> None:
    metadata = ServiceMetadata(repository="https://github.com/a/b")
    assert commit_url(metadata, commit) is None
    assert compare_url(metadata, commit, NEW) is None
    assert compare_url(metadata, NEW, commit) is None


def test_nothing_has_a_page_without_a_repository_or_against_itself() -> None:
    assert commit_url(ServiceMetadata(), NEW) is None
    assert compare_url(ServiceMetadata(), OLD, NEW) is None
    assert compare_url(ServiceMetadata(repository="https://github.com/a/b"), NEW, NEW) is None


def test_a_commit_of_a_module_is_in_the_repository_of_a_service_that_lists_it() -> None:
    one = Service(ident="one", artifacts=("g:shared",), pipelines=("main",))
    two = Service(
        ident="two",
        artifacts=("g:shared",),
        pipelines=("main",),
        metadata=ServiceMetadata(repository="https://github.com/a/b"),
    )
    assert commit_url_of(catalog(one, two), "g:shared", NEW) == "https://github.com/a/b/commit/abcdef0"
    assert commit_url_of(catalog(one, two), "g:other", NEW) is None
