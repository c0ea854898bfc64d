"""The JSON Schema of every kind of file, for editors and for people."""

from typing import Any

import msgspec
from msgspec import Struct

from deploydb.configuration.access_documents import AccessDocument
from deploydb.configuration.documents import (
    DefaultsDocument,
    EnvironmentDocument,
    PipelineDocument,
    ServiceDocument,
    WebhookFileDocument,
)
from deploydb.configuration.durations import PATTERN
from deploydb.configuration.hooks import HookDocument
from deploydb.configuration.promotions import Unusable, promotion_types
from deploydb.domain.gates import Promotion
from deploydb.orchestrators.tool import known_tools

_DURATION = {"type": "string", "pattern": PATTERN, "examples": ["90s", "2h30m", "1d", "PT2H"]}
_KINDS: dict[str, tuple[type[Struct], ...]] = {
    "services": (ServiceDocument,),
    "services-defaults": (DefaultsDocument,),
    "pipelines": (PipelineDocument,),
    "environments": (EnvironmentDocument,),
    "promotions": (),
    "webhook": (WebhookFileDocument,),
    "hooks": (HookDocument,),
    "orchestrators": (),
    "access": (AccessDocument,),
}


KINDS = tuple(_KINDS)
"""The kinds of files, by their folders or names."""


def json_schema(only: str | None = None) -> dict[str, Any]:
    """One schema that every file fits, and a definition for each kind of file (`#/$defs/services` and so on). `only`:
    the schema that files of this kind alone fit."""
    names: dict[type[Promotion], list[str]] = {}
    for name, kind in promotion_types().items():
        if not isinstance(kind, Unusable):
            names.setdefault(kind, []).append(name)
    tools = known_tools()
    documents = {
        **_KINDS,
        "promotions": tuple(kind.document or kind for kind in names),
        "orchestrators": tuple(tools.values()),
    }
    together = [document for kinds in documents.values() for document in kinds]
    references, definitions = msgspec.json.schema_components(together, ref_template="#/$defs/{name}")
    of = dict(zip(together, references, strict=True))
    for kind, written in names.items():
        promotion = definitions[of[kind.document or kind]["$ref"].removeprefix("#/$defs/")]
        promotion["description"] = " ".join((kind.__doc__ or "").split())
        promotion["required"] = ["type" if name == "ident" else name for name in promotion["required"]]
        del promotion["properties"]["ident"]
        promotion["properties"]["type"] = {"enum": written, "description": "What it asks for."}
    for name, tool in tools.items():
        orchestrator = definitions[of[tool]["$ref"].removeprefix("#/$defs/")]
        orchestrator["description"] = " ".join((tool.__doc__ or "").split())
        orchestrator["required"].remove("ident")
        del orchestrator["properties"]["ident"]
        orchestrator["properties"]["type"]["enum"] = [name]
    files = {kind: {"anyOf": [of[document] for document in kinds]} for kind, kinds in documents.items()}
    described = {name.removesuffix("Document"): schema for name, schema in _tidied(definitions | files).items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "DeployDB configuration" + (f": {only}" if only is not None else ""),
        "description": "One object a file. The folder says which kind it is: see #/$defs/FOLDER.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in _KINDS if only in (None, name)],
        "$defs": described,
    }


def _tidied(schema: Any) -> Any:  # noqa: ANN401  # any JSON
    """Durations as in YAML; no unknown keys; names without the suffix Document."""
    match schema:
        case {"format": "duration"}:
            kept = {name: value for name, value in schema.items() if name in ("description", "default", "title")}
            return _DURATION | kept
        case {"$ref": str(target)}:
            return schema | {"$ref": target.removesuffix("Document")}
        case {"type": "object", "properties": _, "title": str(title)}:
            parts = {name: _tidied(value) for name, value in schema.items()}
            return parts | {"title": title.removesuffix("Document"), "additionalProperties": False}
        case dict():
            return {name: _tidied(value) for name, value in schema.items()}
        case list() | tuple():
            return [_tidied(member) for member in schema]
        case _:
            return schema
