"""Facts about a service for people and other tools: no decision reads them."""

from typing import Literal

from msgspec import Struct

CodeHosting = Literal["github", "gitlab", "bitbucket"]
"""Whose addresses of commits and comparisons a repository's host has. Gitea and Forgejo have those of GitHub."""


class ServiceMetadata(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a service's code, team, chat and runbook are, and its labels. Addresses are http or https. None, or no
    label: not configured."""

    repository: str | None = None
    code_hosting: CodeHosting | None = None
    team: str | None = None
    chat: str | None = None
    runbook: str | None = None
    labels: dict[str, str] = {}


NO_METADATA = ServiceMetadata()
