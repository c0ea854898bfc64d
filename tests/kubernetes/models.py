"""Resources of KEDA and of Prometheus' operator, by the models that cloudcoil makes of their definitions.

The models are read and not imported: to build all of them takes Pydantic a quarter of a minute.
"""

import ast
import importlib.metadata
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.missing import missing

MODELS = {
    "keda.sh/v1alpha1": ("cloudcoil-models-keda", "keda/v1alpha1.py"),
    "monitoring.coreos.com/v1": ("cloudcoil-models-prometheus-operator", "prometheus_operator/v1.py"),
}
_SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def findings(resource: dict[str, Any]) -> list[str]:
    """What is wrong with a resource: fields that are unknown, missing, or of another type."""
    text = _text(*MODELS[resource["apiVersion"]])
    given = {key: value for key, value in resource.items() if key not in ("apiVersion", "kind", "metadata")}
    return list(_of_class(text, resource["kind"], given, resource["kind"]))


@cache
def _text(package: str, file: str) -> str:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        missing(f"{package} is not in the environment: make test")
    (path,) = [each for each in files if str(each).endswith(file)]
    return Path(str(path.locate())).read_text(encoding="utf-8")


@cache
def _fields(text: str, name: str) -> dict[str, tuple[ast.expr, bool]] | None:
    """The types of a class's fields, and whether they are required. None where there is no class of the name."""
    found = re.search(rf"^class {name}\(.*?(?=^class |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        return None
    fields = {}
    for node in ast.parse(found[0]).body[0].body:  # type: ignore[attr-defined]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            alias = re.search(r"alias='(\w+)'", ast.unparse(node.annotation))
            fields[alias[1] if alias else node.target.id] = (node.annotation, node.value is None)
    return fields


def _of_class(text: str, name: str, given: Any, path: str) -> Iterator[str]:
    fields = _fields(text, name)
    if not fields:
        return
    if fields.keys() == {"root"}:
        yield from _of_type(text, fields["root"][0], given, path)
        return
    if not isinstance(given, dict):
        yield f"{path}: {given!r} is no object"
        return
    yield from (f"{path}.{key} is unknown" for key in given.keys() - fields.keys())
    for key, (annotation, required) in fields.items():
        if key in given:
            yield from _of_type(text, annotation, given[key], f"{path}.{key}")
        elif required:
            yield f"{path}.{key} is missing"


def _of_type(text: str, annotation: ast.expr, given: Any, path: str) -> Iterator[str]:
    if isinstance(annotation, ast.Name) and annotation.id in _SCALARS:
        if not isinstance(given, _SCALARS[annotation.id]) or (annotation.id == "int" and isinstance(given, bool)):
            yield f"{path}: {given!r} is no {annotation.id}"
    elif isinstance(annotation, ast.Name):
        yield from _of_class(text, annotation.id, given, path)
    elif isinstance(annotation, ast.Subscript):
        inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        match ast.unparse(annotation.value):
            case "Literal":
                if given not in (allowed := [ast.literal_eval(each) for each in inner]):
                    yield f"{path}: {given!r} is none of {allowed}"
            case "Union":
                of_each = [list(_of_type(text, each, given, path)) for each in inner]
                yield from min(of_each, key=len)
            case "List" | "Dict" if not isinstance(given, list | dict):
                yield f"{path}: {given!r} has no elements"
            case "List":
                for number, each in enumerate(given):
                    yield from _of_type(text, inner[0], each, f"{path}[{number}]")
            case "Dict":
                for key, each in given.items():
                    yield from _of_type(text, inner[1], each, f"{path}.{key}")
            case _:  # Optional, Annotated
                yield from _of_type(text, inner[0], given, path)
