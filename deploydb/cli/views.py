"""The commands of views, by their names: arguments and options from the parameters, tables from the answer."""

from typing import Any

import click

from deploydb.cli.client import ask
from deploydb.cli.known_names import require_known, warn_of_person
from deploydb.cli.options import arguments, past_option
from deploydb.cli.output import ago, is_shown, output_option, reason_text, show_line, show_table, until
from deploydb.query.resource import Parameter
from deploydb.query.view import Ago, Body, Cell, Command, Until
from deploydb.query.views import view


def __getattr__(name: str) -> click.Command:
    """The command that the view of this name declares."""
    if name.startswith("__"):
        raise AttributeError(name)
    asked = view(name)
    command, names = asked.command, [parameter.name for parameter in asked.parameters]

    @output_option
    def run(output: str, **given: Any) -> None:  # noqa: ANN401  # texts and numbers
        body = ask(name, *(given[part] for part in asked.parts), **{each: given[each] for each in names})
        lane = {part: given[part] for part in ("service", "environment") if given.get(part)}
        if lane and body[command.member] == []:
            require_known(**lane)
        if given.get("person"):
            warn_of_person(given["person"])
        if not is_shown(output, body, lambda: command.names(body)):
            show_answer(command, body, given)

    for parameter in reversed(asked.options):
        run = _option(parameter)(run)
    optional = {parameter.name for parameter in asked.parameters if not parameter.required}
    places = (*asked.parts, *asked.arguments)
    run = arguments(*(f"[{place}]" if place in optional else place for place in places))(run)
    examples = "".join(f"\n  deploydb {example}" for example in command.examples)
    help_ = f"{command.about or command.purpose}\n\n\b\nExample{'s' * (len(command.examples) > 1)}:{examples}"
    return click.command(name, help=help_)(run)


def _option(parameter: Parameter) -> Any:  # noqa: ANN401  # a decorator
    flag = f"--{parameter.name.replace('_', '-')}"
    if parameter.kind == "moment":
        hint = "As 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d."
        return past_option(flag, help=f"{parameter.about} {hint}")
    if parameter.kind == "number":
        bounds = click.IntRange(parameter.least, parameter.most)
        return click.option(flag, type=bounds, default=parameter.default, help=parameter.about)
    kind = click.Choice(parameter.choices) if parameter.choices else None
    metavar = "NAME" if kind is None and parameter.pattern is None else None
    return click.option(flag, type=kind, metavar=metavar, help=parameter.about)


def show_answer(command: Command, body: Body, given: dict[str, Any]) -> None:
    """Print the tables of an answer. `given`: the values of arguments and options."""
    for place, table in enumerate(command.tables(body)):
        if place:
            click.echo()
        for line in table.lead:
            show_line(_text(line))
        rows = [[_text(cell) for cell in row] for row in table.rows]
        show_table(command.columns, rows, empty=command.empty.format(**given), most=command.most)
    if command.more and body["more"]:
        click.echo(command.more, err=True)


def _text(cell: Cell) -> str:
    match cell:
        case Ago(time):
            return ago(time)
        case Until(time):
            return until(time)
        case dict():
            return reason_text(cell)
        case tuple():
            return " ".join(map(_text, cell))
        case _:
            return "" if cell is None else str(cell)
