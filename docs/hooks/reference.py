"""MkDocs: the pages of docs/reference, each from the declarations in the code. `reference/README.md` lists them."""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import msgspec
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from msgspec import Struct

import deploydb
from deploydb.broker.asyncapi import document
from deploydb.cli.commands import GROUPS, cli
from deploydb.configuration import KINDS, json_schema
from deploydb.configuration.durations import PATTERN
from deploydb.domain.formatting import in_words
from deploydb.exit_codes import ExitCode
from deploydb.query.app import interface

CODE = Path(deploydb.__file__).parents[1]
SERVICES = ("query", "gateway")
"""Those of requests have their service's name."""
_FILES = {"services-defaults": "services/_defaults.yml", "access": "access.yml"}
_METRICS = ("Counter", "Gauge", "Histogram", "GaugeMetricFamily")


class Metric(Struct, frozen=True):
    """`kind`: the class of prometheus_client."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for name, page in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page()))
    return files


def commands() -> str:
    """Every command with its help."""
    cli_help = _help(cli, click.Context(cli, info_name="deploydb"))
    return f"# Commands\n\n{cli_help}" + "".join(
        f"## {group}\n\n" + "".join(_helps(name, click.Context(cli, info_name="deploydb")) for name in names)
        for group, names in GROUPS.items()
    )


def configuration() -> str:
    """The keys of every kind of file but promotions."""
    definitions = json_schema()["$defs"]
    page = "# Configuration keys\n\n[Configuration](../configuration.md) explains them, with examples.\n\n"
    for kind in KINDS:
        page += f"## {_FILES.get(kind, f'{kind}/NAME.yml')}\n\n"
        if kind == "promotions":
            page += "[Promotions](../promotions.md) has the keys of each type.\n\n"
        else:
            page += _sections(definitions, _targets(definitions[kind]), "###")
    return page


def promotions() -> str:
    """docs/promotions.md: every promotion's keys."""
    definitions = json_schema()["$defs"]
    kinds = [definitions[kind] for kind in _targets(definitions["promotions"])]
    named = {", ".join(kind["properties"]["type"]["enum"]): kind for kind in kinds}
    page = (
        "# Promotions\n\nEvery type of promotion and its keys. `make reference` writes this page from the code. "
        "[Configuration](configuration.md)\nhas examples, and [Gates](gates.md) shows how to add a type.\n\n"
    )
    return page + _sections(definitions | named, named, "##").rstrip("\n") + "\n"


def messages() -> str:
    """Channels and messages on the broker, with their fields."""
    described = document()
    channels = (
        (f"`{exchange['name']}`" if exchange else "", f"`{one['address']}`", one["description"])
        for one in described["channels"].values()
        for exchange in (one["bindings"]["amqp"].get("exchange"),)
    )
    types = (
        (f"`{name}`", one["summary"], ", ".join(map(_link, _targets(one["payload"]))))
        for name, one in described["components"]["messages"].items()
    )
    schemas = described["components"]["schemas"]
    return (
        "# Messages\n\n[asyncapi.json](../../deploy/asyncapi.json) has the same for programs.\n\n"
        f"## Channels\n\n{_table(('exchange', 'routing key, or queue', 'content'), channels)}"
        f"## Types\n\n{_table(('type', 'meaning', 'fields'), types)}"
        f"## Fields\n\n{_sections(schemas, schemas, '###')}"
    )


def http() -> str:
    """Every resource, with its parameters."""
    described = interface()
    page = "# HTTP\n\n[openapi.json](../../deploy/openapi.json) has the same for programs.\n\n"
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            page += f"## {method.upper()} {path}\n\n{one['summary']}. {one.get('description', '')}\n\n"
            parameters = [
                (f"`{each['name']}`", each["in"], _required(each.get("required")), each["description"])
                for each in one.get("parameters", ())
            ]
            page += _table(("parameter", "in", "", "meaning"), parameters) if parameters else ""
            answers = {status: answer for status, answer in one["responses"].items() if status < "3"}
            for title, value in (("Body", one.get("requestBody")), ("Answer", answers)):
                links = ", ".join(map(_link, _targets(value)))
                page += f"{title}: {links}. " if links else ""
            page += f"Statuses: {', '.join(one['responses'])}.\n\n"
    schemas = described["components"]["schemas"]
    return f"{page}## Schemas\n\n{_sections(schemas, schemas, '###')}"


def metrics() -> str:
    """Every metric of `/metrics`."""
    rows = (
        (f"`{one.name}`", ", ".join(one.labels), one.kind.removesuffix("MetricFamily").lower(), one.meaning)
        for one in made()
    )
    ports = "[Operations](../operations.md#metrics) has the ports of `/metrics`."
    return f"# Metrics\n\n{ports}\n\n{_table(('metric', 'labels', 'type', 'meaning'), rows)}"


def exit_codes() -> str:
    """Every exit code."""
    return "# Exit codes\n\n" + _table(("code", "meaning"), ((f"`{one.value}`", one.meaning) for one in ExitCode))


PAGES: dict[str, Callable[[], str]] = {
    "commands": commands,
    "configuration": configuration,
    "messages": messages,
    "http": http,
    "metrics": metrics,
    "exit-codes": exit_codes,
}


def made() -> list[Metric]:
    """Every metric that the code makes."""
    if str(CODE) not in sys.path:
        sys.path.append(str(CODE))  # `workers` is no package of that name where DeployDB is installed
    paths = (path for root in ("deploydb", "workers") for path in sorted((CODE / root).rglob("*.py")))
    return [metric for path in paths for metric in _made_in(path)]


def _made_in(path: Path) -> Iterator[Metric]:
    source = path.read_text(encoding="utf-8")
    for call in ast.walk(ast.parse(source)) if "prometheus_client" in source else ():
        if not (isinstance(call, ast.Call) and call.args and ast.unparse(call.func) in _METRICS):
            continue
        labels = [*call.args[2:3], *(one.value for one in call.keywords if one.arg == "labels")]
        declared = [ast.unparse(one) for one in (*call.args[:2], *labels)]
        names = vars(import_module(".".join(path.relative_to(CODE).with_suffix("").parts)))
        for service in SERVICES if "{service}" in declared[0] else ("",):
            name, meaning, *rest = (eval(one, {**names, "service": service}) for one in declared)  # noqa: S307
            yield Metric(name, ast.unparse(call.func), tuple(rest[0]) if rest else (), meaning)


def _helps(name: str, parent: click.Context) -> str:
    command = parent.command.get_command(parent, name)  # type: ignore[attr-defined]
    context = click.Context(command, info_name=name, parent=parent)
    inner = command.list_commands(context) if isinstance(command, click.Group) else ()
    return f"### {context.command_path}\n\n{_help(command, context)}" + "".join(_helps(one, context) for one in inner)


def _help(command: click.Command, context: click.Context) -> str:
    context.terminal_width = 110
    return f"```text\n{command.get_help(context)}\n```\n\n"


def _sections(definitions: dict[str, Any], names: Iterable[str], level: str) -> str:
    """The keys of each of the definitions, and of those within them."""
    found = dict.fromkeys(names)
    for name in (waiting := list(found)):
        inner = [one for one in _targets(definitions[name]) if one not in found]
        found |= dict.fromkeys(inner)
        waiting += inner
    return "".join(f"{level} {name}\n\n{_section(definitions[name])}" for name in found)


def _section(definition: dict[str, Any]) -> str:
    required = definition.get("required", ())
    rows = (
        (f"`{name}`", _type(value), _required(name in required) or _default(value), value.get("description", ""))
        for name, value in definition.get("properties", {}).items()
    )
    description = " ".join(definition.get("description", "").split())
    return f"{description}\n\n{_table(('key', 'value', 'default', 'meaning'), rows)}"


def _type(value: dict[str, Any]) -> str:
    match value:
        case {"$ref": _}:
            return _link(*_targets(value))
        case {"enum": values}:
            return ", ".join(f"`{one}`" for one in values)
        case {"const": only}:
            return f"`{only}`"
        case {"anyOf": kinds} | {"oneOf": kinds}:
            return " or ".join(dict.fromkeys(_type(kind) for kind in kinds if kind != {"type": "null"}))
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"map of {_type(values)}"
        case {"pattern": str(pattern)} if pattern == PATTERN:
            return "duration"
        case {"format": str(form)}:
            return form
        case _:
            return str(value.get("type", "any"))


def _required(required: bool | None) -> str:
    return "required" if required else ""


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    if default in (None, "", [], {}):
        return ""
    if value.get("pattern") == PATTERN:
        return f"`{in_words(msgspec.convert(default, timedelta))}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    cells = ([" ".join(cell.split()).replace("|", "&#124;") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells) + "\n"


def _targets(value: object) -> list[str]:
    """The schemas that are referred to somewhere in it."""
    return list(dict.fromkeys(_references(value)))


def _references(value: object) -> Iterator[str]:
    match value:
        case {"$ref": str(target)}:
            if "/responses/" not in target:
                yield target.rpartition("/")[2]
        case dict():
            for inner in value.values():
                yield from _references(inner)
        case list() | tuple():
            for inner in value:
                yield from _references(inner)


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


if __name__ == "__main__":
    sys.stdout.write(promotions())
