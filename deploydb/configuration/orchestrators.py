"""`orchestrators/NAME.yml`: the tools that run deployments, one file each."""

from typing import Any

from deploydb.configuration.reading import described, read_document
from deploydb.configuration.source import Source
from deploydb.domain.suggestions import suggestion
from deploydb.orchestrators.orchestrator import Orchestrator
from deploydb.orchestrators.tool import known_tools


def build_orchestrator(source: Source, name: str) -> Orchestrator | None:
    """The orchestrator of a file. None where it cannot be built; its problems are in `source.problems`."""
    if not source.readable:
        return None
    value: Any = source.value if source.value is not None else {}
    if not isinstance(value, dict):
        source.problem((), f"expected keys and values, found {described(value)}")
        return None
    named, tools = value.get("type"), known_tools()
    if named is None:
        source.problem(("type",), f"type is missing: write one of {', '.join(tools)}")
        return None
    tool = tools.get(named) if isinstance(named, str) else None
    if tool is None:
        hint = suggestion(str(named), tools)
        source.problem(("type",), f"expected a tool's type, found {described(named)}{hint}")
        return None
    document = read_document(source, tool, ident=name)
    if document is not None:
        document.check(source)
    return document
