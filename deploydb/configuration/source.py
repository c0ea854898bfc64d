"""YAML text → values that remember where they stood.

Plain YAML surprises people: `10:00` is 600, `1.10` is 1.1, `on` is true, and of two equal keys the last wins. Here only
true, false, null and integers are more than text; equal keys are a problem; so are aliases, which can make a small file
explode when it is walked.
"""

import re
from typing import Any

import yaml
from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from deploydb.configuration.problems import Problem

Path = tuple[str | int, ...]
"""Where a value is in its document: keys and indexes from the top."""

MAX_BYTES = 1024 * 1024


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C one where it is built
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own way to configure a loader


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


class Source(Struct, kw_only=True):
    """One file's value, with the place of each key and value in it, and what was wrong with the text."""

    path: str
    value: Any = None
    places: dict[Path, tuple[int, int]] = {}
    keys: dict[Path, tuple[int, int]] = {}
    problems: list[Problem] = []

    def problem(self, at: Path, message: str, *, key: bool = False) -> None:
        """Note what is wrong with the value at a path (or with its key), or nearest above it; one thing a place."""
        places = self.keys if key else self.places
        while at and at not in places:
            at, places = at[:-1], self.places
        line, column = places.get(at, (1, 1))
        if not any((told.line, told.column) == (line, column) for told in self.problems):
            self.problems.append(Problem(path=self.path, line=line, column=column, message=message))


def read_source(path: str, content: bytes) -> Source:
    """The file's value. Everything that is wrong is in `problems`; then the value is as much as could be understood."""
    source = Source(path=path)
    if len(content) > MAX_BYTES:
        source.problem((), f"is {len(content):,} bytes; a configuration file may have {MAX_BYTES:,}")
        return source
    try:
        root = yaml.compose(content.decode("utf-8-sig"), Loader=_Loader)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        source.problems.append(Problem(path=path, line=line, column=1, message="is not UTF-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = " ".join(filter(None, (error.context, error.problem))) or "is not YAML"
        source.problems.append(Problem(path=path, line=line, column=column, message=message))
    except yaml.YAMLError as error:
        source.problem((), f"is not YAML: {str(error).splitlines()[0]}")
    except RecursionError:
        source.problem((), "is nested too deeply")
    else:
        if root is not None:
            source.value = _Walk(source).value(root, ())
    return source


class _Walk:
    """One walk over a file's nodes. Meets each once: a node met again is an alias."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._met: set[int] = set()

    def value(self, node: Node, at: Path) -> Any:  # noqa: ANN401  # any YAML
        self._source.places[at] = _place(node)
        if id(node) in self._met:
            self._source.problem(at, "aliases are not supported: write it out")
            return None
        self._met.add(id(node))
        match node:
            case MappingNode():
                return self._mapping(node, at)
            case SequenceNode():
                return [self.value(child, (*at, index)) for index, child in enumerate(node.value)]
            case _:
                return self._scalar(node, at)

    def _mapping(self, node: MappingNode, at: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._source.places[*at, "?"] = _place(key_node)
                self._source.problem((*at, "?"), "a key must be plain text")
                continue
            key = str(key_node.value)
            here = (*at, key)
            if key in found:
                self._source.keys[here] = _place(key_node)
                self._source.problem(here, f"{key} is here twice; the first is in line {self._line(here)}", key=True)
                continue
            self._source.keys[here] = _place(key_node)
            found[key] = self.value(value_node, here)
        return found

    def _line(self, at: Path) -> int:
        return self._source.places[at][0]

    def _scalar(self, node: Node, at: Path) -> str | int | bool | None:
        text = str(node.value)
        match str(node.tag).rpartition(":")[2]:
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text) if len(text) < 20 else text
            case "str":
                return text
            case other:
                self._source.problem(at, f"the tag {other} is not supported: write plain text")
                return text


def _place(node: Node) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1)
