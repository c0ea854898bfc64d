"""What events of other vocabularies say to DeployDB alone: an object `deploydb` in their custom data."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from deploydb.domain.model.artifact import Coordinate, Name, Url
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.fact import Number
from deploydb.wire.error_messages import shortened
from deploydb.wire.purl import artifact_of_purl

Fields = dict[str, Any]
T = TypeVar("T")
_OF_FILES = ("group", "name", "version", "digest", "commit", "url", "author", "triggered_by")


class Custom(Struct):
    """It names a deployment as a fact does, a test's promotion, and of an artifact what its package URL does not say,
    or says otherwise."""

    deployment: Number | None = None
    command: Name | None = None
    service: Name | None = None
    environment: Name | None = None
    version: Name | None = None
    artifact: Coordinate | None = None
    promotion: Name | None = None
    group: Coordinate | None = None
    name: Coordinate | None = None
    digest: Name | None = None
    commit: Name | None = None
    url: Url | None = None
    author: Name | None = None
    triggered_by: Name | None = None

    def file(self, purl: str | None, path: str) -> Fields:
        """The artifact of a package URL, with what stands otherwise here. Raises: MessageRejected."""
        given = {name: getattr(self, name) for name in _OF_FILES}
        known = {name: value for name, value in given.items() if value is not None}
        if self.artifact is not None:
            known["group"], _, known["name"] = self.artifact.rpartition(":")
        if purl is not None and (purl.startswith("pkg:") or not {"group", "name", "version"} <= known.keys()):
            known = artifact_of_purl(purl, path) | known
        if "version" not in known:
            raise MessageRejected("has no version: write pkg:TYPE/NAMESPACE/NAME@VERSION", path=path)
        return known


def custom_of(found: Any, path: str) -> Custom:  # noqa: ANN401  # any JSON
    """The object of that name; an empty one where it is none. Raises: MessageRejected, with the path of the field."""
    return converted(found if isinstance(found, dict) else {}, Custom, path)


def converted(value: dict[str, Any], kind: type[T], path: str) -> T:
    """The fields that the struct has. Raises: MessageRejected, with the path of the field."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem, _, inside = str(error).partition(" - at `$")
        raise MessageRejected(shortened(problem), path=f"{path}{inside.rstrip('`')}") from error


def runs_there(file: Fields, service: str, environment: str, *, reason: str | None, url: str | None) -> list[Fields]:
    """The facts that a file runs in a lane, the first one that fits: what DeployDB commanded, and follows or runs; else
    a sighting."""
    lane = {"service": service, "environment": environment}
    module = f"{file['group']}:{file['name']}"
    finished = {"type": "deployment.finished", "outcome": "succeeded", "url": url}
    observed = {"type": "deployment.observed", "artifact": file, "reason": reason, "url": url}
    return [finished | lane | {"version": file["version"], "artifact": module}, observed | lane]
