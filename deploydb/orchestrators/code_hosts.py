"""Requests to the APIs of GitHub and GitLab: for tools that run deployments there, and for reports to them."""

import re
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from deploydb.domain.model.requests import Request

from .conversation import Method, json_request
from .orchestrator import Checks

GITHUB_URL = "https://api.github.com"
GITLAB_URL = "https://gitlab.com"
_REPOSITORY = re.compile(r"[^/\s]+/[^/\s]+")


def check_repository(checks: Checks, repository: str) -> None:
    """Check the name of a repository of GitHub."""
    if not _REPOSITORY.fullmatch(repository):
        checks.problem(("repository",), f"expected owner/name, found {repository}")


def github_request(url: str, repository: str, token: str, path: str, body: dict[str, Any] | None = None) -> Request:
    """A request to the API at `url`, about a repository: owner/name. With a body, POST."""
    owner, _, name = repository.partition("/")
    request = json_request(
        f"{url.rstrip('/')}/repos/{quote(owner, safe='')}/{quote(name, safe='')}{path}",
        ("Accept", "application/vnd.github+json"),
        ("X-GitHub-Api-Version", "2022-11-28"),
        ("Authorization", f"Bearer {token}"),
        body=body,
    )
    return replace(request, keep=("etag", "x-ratelimit-remaining"))


def gitlab_request(
    url: str, project: str, token: str, path: str, body: dict[str, Any] | None = None, method: Method | None = None
) -> Request:
    """A request to the GitLab at `url`, about a project: its path or id. With a body, POST where `method` is None."""
    address = f"{url.rstrip('/')}/api/v4/projects/{quote(project, safe='')}{path}"
    return json_request(address, ("PRIVATE-TOKEN", token), body=body, method=method)
