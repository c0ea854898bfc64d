"""Eiffel events for tests: the examples of the protocol, and small ones of our own."""

import json
from pathlib import Path
from typing import Any

SAMPLES = {
    path.stem: path for path in sorted((Path(__file__).parents[3] / "shared/samples/eiffel").glob("Eiffel*.json"))
}

BECOMES = {
    "EiffelArtifactCreatedEvent": ("event.unused", "events that link to it are about artifact-name 2.1.7"),
    "EiffelArtifactDeployedEvent": ("event.unused", "a fact of its own, with the events that it links to"),
    "EiffelArtifactPublishedEvent": ("event.unused", "a fact of its own, with the events that it links to"),
    "EiffelConfidenceLevelModifiedEvent": ("event.unused", "a fact for each of its subjects"),
    "EiffelEnvironmentDefinedEvent": ("event.unused", "events that link to it are about it"),
}
"""By sample, the type of the fact that the log has of the event alone, and the reason."""


def eiffel(kind: str, id_: str, data: dict[str, Any] | None = None, **links: str | list[str]) -> bytes:
    """An event of a type without `Eiffel` and `Event`, with its links by their types in small letters."""
    ends = [
        {"type": name.upper(), "target": one}
        for name, given in links.items()
        for one in ([given] if isinstance(given, str) else given)
    ]
    meta = {"type": f"Eiffel{kind}Event", "version": "4.0.0", "time": 1795348800000, "id": id_}
    return json.dumps({"meta": meta, "data": data or {}, "links": ends}).encode()


def custom(**fields: Any) -> dict[str, Any]:
    """`data.customData` for DeployDB, beside that of others."""
    return {"customData": [{"key": "other", "value": 1}, {"key": "deploydb", "value": fields}]}


def created(id_: str, version: str, name: str = "foo", **links: str | list[str]) -> bytes:
    """`ArtifactCreated` of com.example:NAME."""
    return eiffel("ArtifactCreated", id_, {"identity": f"pkg:maven/com.example/{name}@{version}"}, **links)


def published(id_: str, artifact: str) -> bytes:
    """`ArtifactPublished` of an `ArtifactCreated`."""
    locations = [{"type": "PLAIN", "uri": "https://repo.example/foo"}]
    return eiffel("ArtifactPublished", id_, {"locations": locations}, artifact=artifact)


def confidence(id_: str, value: str, *subjects: str, **own: Any) -> bytes:
    """`ConfidenceLevelModified` of the level smoke."""
    data = {"name": "smoke", "value": value} | (custom(**own) if own else {})
    return eiffel("ConfidenceLevelModified", id_, data, subject=list(subjects), cause="a-test")


def deployed(id_: str, artifact: str, environment: str, /, **own: Any) -> bytes:
    """`ArtifactDeployed` of an `ArtifactCreated` in an `EnvironmentDefined`."""
    data = {"uri": "https://ci.example/7"} | (custom(**own) if own else {})
    return eiffel("ArtifactDeployed", id_, data, artifact=artifact, environment=environment)
