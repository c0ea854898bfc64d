"""`python -m tests.configuration.reference > docs/promotions.md`: every promotion's keys, from their declarations."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from deploydb.configuration import json_schema
from deploydb.configuration.durations import PATTERN
from deploydb.domain.formatting import in_words

HEAD = """\
# Promotions

Every type of promotion and its keys. `make reference` writes this page from the code. [Configuration](configuration.md)
has examples, and [Gates](gates.md) shows how to add a type.
"""


def reference() -> str:
    """The page."""
    definitions = json_schema()["$defs"]
    kinds = [_target(each) for each in definitions["promotions"]["anyOf"]]
    inner = {_target(one) for kind in kinds for one in _references(definitions[kind])}
    parts = [HEAD]
    for kind in kinds:
        names = definitions[kind]["properties"]["type"]["enum"]
        parts.append(f"## {', '.join(f'`{name}`' for name in names)}\n\n{_section(definitions[kind])}")
    parts += [f"## {name}\n\n{_section(definitions[name])}" for name in sorted(inner)]
    return "\n".join(parts)


def _section(definition: dict[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_default(name, value, definition)} | {value['description'].replace('|', '&#124;')} |\n"
        for name, value in definition["properties"].items()
        if name not in ("type", "description")
    ]
    return f"{definition['description']}\n\n| key | default | meaning |\n|---|---|---|\n{''.join(rows)}"


def _default(name: str, value: dict[str, Any], definition: dict[str, Any]) -> str:
    if name in definition.get("required", ()):
        return "required"
    default = value.get("default")
    if default in (None, [], {}):
        return ""
    if value.get("pattern") == PATTERN:
        return f"`{in_words(msgspec.convert(default, timedelta))}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _references(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _target(reference: dict[str, Any]) -> str:
    return str(reference["$ref"].rpartition("/")[2])


if __name__ == "__main__":
    print(reference(), end="")
