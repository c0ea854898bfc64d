"""Addresses of commits and comparisons in a service's repository, as its host has them."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.service_metadata import CodeHosting, ServiceMetadata

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_COMMITS: Mapping[CodeHosting, str] = {
    "github": "{repository}/commit/{commit}",
    "gitlab": "{repository}/-/commit/{commit}",
    "bitbucket": "{repository}/commits/{commit}",
}
_COMPARISONS: Mapping[CodeHosting, str] = {
    "github": "{repository}/compare/{old}...{new}",
    "gitlab": "{repository}/-/compare/{old}...{new}",
    "bitbucket": "{repository}/branches/compare/{new}%0D{old}",
}


def commit_url(metadata: ServiceMetadata, commit: str | None) -> str | None:
    """The page of a commit; None without a repository, and for what is no id of a commit."""
    if metadata.repository is None or commit is None or not _COMMIT.fullmatch(commit):
        return None
    return _COMMITS[_hosting(metadata)].format(repository=_repository(metadata.repository), commit=commit)


def commit_url_of(catalog: Catalog, module: str, commit: str | None) -> str | None:
    """The page of a commit in the repository of a service that lists the module, of several the first with one."""
    listing = (catalog.services[name].known_metadata for name in catalog.services_of(module))
    return next((url for metadata in listing if (url := commit_url(metadata, commit)) is not None), None)


def compare_url(metadata: ServiceMetadata, old: str | None, new: str | None) -> str | None:
    """The page with the commits that `new` has and `old` has not; None where one has no page, or they are the same."""
    if metadata.repository is None or old == new or None in (commit_url(metadata, old), commit_url(metadata, new)):
        return None
    return _COMPARISONS[_hosting(metadata)].format(repository=_repository(metadata.repository), old=old, new=new)


def _hosting(metadata: ServiceMetadata) -> CodeHosting:
    """As configured, else by the name of the host, else GitHub's."""
    if metadata.code_hosting is not None:
        return metadata.code_hosting
    host = urlsplit(metadata.repository or "").hostname or ""
    named: tuple[CodeHosting, ...] = ("gitlab", "bitbucket")
    return next((one for one in named if one in host), "github")


def _repository(url: str) -> str:
    """Without the end that is for `git clone`."""
    return url.rstrip("/").removesuffix(".git")
