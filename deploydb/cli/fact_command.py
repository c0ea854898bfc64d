"""`publish TYPE`: a command for each type of fact, made of the fields that it declares."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import click
import msgspec
from msgspec import inspect
from msgspec.structs import replace

from deploydb.cli.options import no_wait_option
from deploydb.cli.publisher import checked, my_source, new_id
from deploydb.domain.model.facts import Fact, type_of

F = TypeVar("F", bound=Callable[..., Any])

_STRICT = "deploydb.strict"
_NAMING = ("command", "artifact.digest")
"""Fields that an example has, though others may take their place."""


def strict_option(command: F) -> F:
    """`--strict`, which `is_strict` reads."""
    return click.option(
        "--strict",
        is_flag=True,
        expose_value=False,
        callback=_remember_strict,
        help="Publish nothing with a service, environment, version, promotion or module that does not exist.",
    )(command)


def is_strict() -> bool:
    """Whether what matches nothing is refused."""
    return bool(click.get_current_context().meta.get(_STRICT))


def _remember_strict(context: click.Context, _parameter: click.Parameter, strict: bool) -> None:
    context.meta[_STRICT] = bool(context.meta.get(_STRICT)) or strict


def fact_options(command: F) -> F:
    """`--id`, `--source` and `--time`, which every fact has, `--strict` and `--no-wait`."""
    command = no_wait_option(strict_option(command))
    for option in (
        click.option("--time", metavar="TIME", help="When it happened, with its zone; by default now."),
        click.option("--source", metavar="NAME", help="Its publisher; by default you on this machine."),
        click.option("--id", "ident", metavar="ID", help="Unique for the source: sent twice, it counts once."),
    ):
        command = option(command)
    return command


def who(ident: str | None, source: str | None, time: str | None) -> dict[str, Any]:
    """The fields that every fact has, of those options."""
    try:
        at = datetime.fromisoformat(time) if time is not None else None
    except ValueError:
        at = None
    if time is not None and (at is None or at.tzinfo is None):
        raise click.UsageError(f"--time {time}: write a time with its zone, such as 2026-11-22T12:00:00Z")
    return {"id": new_id() if ident is None else ident, "source": my_source() if source is None else source, "time": at}


def fact_command(kind: type[Fact], publish: Callable[[Fact], None]) -> click.Command:
    """The command that publishes a fact of one type. Its options are the fields, those of an artifact by their path.

    `publish`: sends the fact.
    """
    options = dict(_options(kind))
    shown = [f"--{path} {_value(one)}" for path, one in options.items() if one.required or path in _NAMING]
    example = " ".join(["deploydb publish", type_of(kind), *shown])

    @fact_options
    def run(ident: str | None, source: str | None, time: str | None, **given: Any) -> None:  # noqa: ANN401
        message: dict[str, Any] = {"type": type_of(kind), **who(ident, source, time)}
        for path, option in options.items():
            *inside, field = path.split(".")
            value = given[str(option.name)]
            if value not in (None, ()):
                (message.setdefault(inside[0], {}) if inside else message)[field] = value
        publish(replace(checked(message), time=message["time"]))  # without a time it gets that of its arrival

    purpose = str(kind.__doc__).partition("\n\n")[0]
    command = click.command(type_of(kind), help=f"{purpose}\n\n\b\nExample:\n  {example}")(run)
    command.params[:0] = options.values()
    return command


def _options(kind: type[msgspec.Struct], within: str = "") -> Iterator[tuple[str, click.Option]]:
    """The path of each field that is not of every fact, and its option."""
    for field in msgspec.structs.fields(kind):
        path = f"{within}{field.encode_name}"
        if path in Fact.__struct_fields__:
            continue
        found = inspect.type_info(field.type)
        first = found.types[0] if isinstance(found, inspect.UnionType) else found
        if isinstance(first, inspect.StructType):
            yield from _options(first.cls, f"{path}.")
            continue
        of: Any = click.INT if isinstance(first, inspect.IntType) else click.STRING
        of = click.Choice(first.values) if isinstance(first, inspect.LiteralType) else of
        many, needed = isinstance(first, inspect.VarTupleType), field.required
        metavar = None if isinstance(of, click.Choice) else field.encode_name.upper()
        names = [f"--{path}", path.replace(".", "_")]
        if isinstance(first, inspect.BoolType):
            yield path, click.Option(names, is_flag=True, default=None)
            continue
        yield path, click.Option(names, type=of, required=needed, multiple=many, metavar=metavar)


def _value(option: click.Option) -> str:
    return str(option.type.choices[0]) if isinstance(option.type, click.Choice) else str(option.metavar)
