"""The JSON Schema of every kind of file, for editors and for people."""

from datetime import timedelta
from typing import Any

import msgspec

from deploydb.configuration.documents import (
    DefaultsDocument,
    EnvironmentDocument,
    ManualDocument,
    PipelineDocument,
    ServiceDocument,
    SoakDocument,
    VerificationDocument,
    WebhookDocument,
)

_DURATION = {"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$|^P", "examples": ["90s", "2h30m", "1d"]}


def json_schema() -> dict[str, Any]:
    """One schema with a definition for each kind of file (`#/$defs/services` and so on), each key described."""
    kinds = {
        "services": (ServiceDocument,),
        "services/_defaults": (DefaultsDocument,),
        "pipelines": (PipelineDocument,),
        "environments": (EnvironmentDocument,),
        "promotions": (VerificationDocument, ManualDocument, SoakDocument),
        "webhook": (WebhookDocument,),
    }
    documents = [document for together in kinds.values() for document in together]
    _, definitions = msgspec.json.schema_components(documents, ref_template="#/$defs/{name}")
    files = {
        kind: {"anyOf": [{"$ref": f"#/$defs/{document.__name__}"} for document in together]}
        for kind, together in kinds.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "DeployDB configuration files, by folder",
        "$defs": _tidied({**definitions, **files}),
    }


def _tidied(schema: Any) -> Any:  # noqa: ANN401  # any JSON
    """Durations as YAML writes them; nothing beyond the known keys."""
    match schema:
        case {"format": "duration"}:
            kept = {name: value for name, value in schema.items() if name in ("description", "default", "title")}
            return _DURATION | kept
        case {"type": "object", "properties": _}:
            return {name: _tidied(value) for name, value in schema.items()} | {"additionalProperties": False}
        case dict():
            return {name: _tidied(value) for name, value in schema.items()}
        case list():
            return [_tidied(member) for member in schema]
        case timedelta():
            return msgspec.to_builtins(schema)
        case _:
            return schema
