"""The metadata of a service's file: addresses that a page may lead to, and labels of letters and digits."""

import re
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from deploydb.configuration.source import Source
from deploydb.domain.model.service_metadata import NO_METADATA, CodeHosting, ServiceMetadata
from deploydb.domain.suggestions import shown
from deploydb.domain.templates import address_problem

Link = Annotated[str, Meta(max_length=2000, extra_json_schema={"pattern": "^https?://"})]
Team = Annotated[str, Meta(min_length=1, max_length=63)]
_KEY = "^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$"
_VALUE = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
Label = Annotated[str, Meta(extra_json_schema={"pattern": _VALUE})]
_ALLOWED = "letters, digits and {} only, at most 63, a letter or digit first and last"
_KEY_RULE, _VALUE_RULE = _ALLOWED.format(". _ - /"), _ALLOWED.format(". _ -")
_key, _value = re.compile(_KEY), re.compile(_VALUE)


class MetadataDocument(Struct, kw_only=True, frozen=True):
    """The keys of a service's file that no decision reads."""

    repository: Annotated[
        Link | None, Meta(description="The address of its repository, to which its commits and comparisons are links.")
    ] = None
    code_hosting: Annotated[
        CodeHosting | None,
        Meta(description="Whose pages the repository's host has, where its name does not tell. By default `github`."),
    ] = None
    team: Annotated[Team | None, Meta(description="The team that runs it.")] = None
    chat: Annotated[Link | None, Meta(description="The address of the team's channel.")] = None
    runbook: Annotated[Link | None, Meta(description="The address of the instructions for its operation.")] = None
    labels: Annotated[
        dict[str, Label],
        Meta(
            max_length=32,
            description="Words by which it is found and grouped, such as `tier: gold`.",
            extra_json_schema={"propertyNames": {"pattern": _KEY}},
        ),
    ] = {}


def build_metadata(source: Source, document: MetadataDocument) -> ServiceMetadata | UnsetType:
    """The metadata of a service; its problems go to `source.problems`. Unset where there is none."""
    for name in ("repository", "chat", "runbook"):
        address = getattr(document, name)
        if address is not None:
            _check_link(source, name, address)
    if document.code_hosting is not None and document.repository is None:
        source.problem(("code_hosting",), "repository is missing: there is no host to have pages")
    for key, value in document.labels.items():
        if not _key.fullmatch(key):
            source.problem(("labels", key), f"{shown(key)} is no key of a label: {_KEY_RULE}", key=True)
        elif value is not None and not _value.fullmatch(value):  # None stands for one with a problem
            source.problem(("labels", key), f"{shown(value)} is no value of a label: {_VALUE_RULE}")
    found = ServiceMetadata(**{name: getattr(document, name) for name in ServiceMetadata.__struct_fields__})
    return found if found != NO_METADATA else UNSET


def _check_link(source: Source, name: str, address: str) -> None:
    problem = address_problem(address)
    if problem is None and name == "repository" and ("?" in address or "#" in address):
        problem = "has a query or a fragment: leave it out"
    if problem is not None:
        source.problem((name,), problem)
