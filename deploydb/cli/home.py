"""`deploydb` alone: what needs somebody, and what runs where, in short."""

from collections.abc import Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import click
from msgspec.structs import replace

from deploydb.cli.client import Body, ask
from deploydb.cli.output import show_line, show_table
from deploydb.cli.status import show_matrix
from deploydb.cli.views import show_answer
from deploydb.domain.model.errors import DeployDBError, NotAllowed
from deploydb.exit_codes import ExitCode
from deploydb.query.column import Column
from deploydb.query.views import view

_ENTRIES = 10
_SERVICES = 20
_SHORT = Column("SERVICE"), Column("HERE", "text")


def home(context: click.Context) -> None:
    """Print the inbox and the matrix. Without an answer the help, and why there is none.

    Raises: NotAllowed where reads need a token; Exit 1 without an answer.
    """
    try:
        body, matrix = ask("inbox", limit=_ENTRIES), ask("status")
    except NotAllowed:
        raise
    except DeployDBError as error:
        click.echo(context.get_help())
        click.echo(f"deploydb: {error}", err=True)
        raise click.exceptions.Exit(ExitCode.FAILED) from error
    if body["entries"]:
        show_line(", ".join(f"{kind}: {count}" for kind, count in body["counts"].items()))
    show_answer(replace(view("inbox").command, more="more: deploydb inbox"), body, {})
    click.echo()
    lanes: dict[str, dict[str, str]] = {}
    for lane in matrix["lanes"]:
        lanes.setdefault(lane["service"], {})[lane["environment"]] = _cell(lane)
    environments: list[str] = matrix["environments"]
    shown = dict(islice(lanes.items(), _SERVICES))

    def show_services() -> None:
        show_table(_SHORT, [[name, _in_short(environments, there)] for name, there in shown.items()], empty="", most=2)

    show_matrix(environments, shown, show_services)
    if len(lanes) > _SERVICES:
        click.echo(f"{len(lanes) - _SERVICES} more services: `deploydb status`", err=True)


def _in_short(environments: Sequence[str], there: Mapping[str, str]) -> str:
    """`dev, test: 1.5.0 · prod: 1.4.0 ✗`: neighbours with the same stand together."""
    cells = ((each, there[each]) for each in environments if each in there)
    same = ((", ".join(each for each, _ in lanes), cell) for cell, lanes in groupby(cells, key=itemgetter(1)))
    return " · ".join(f"{names}: {cell}" for names, cell in same)


def _cell(lane: Body) -> str:
    """`1.4.0 →1.5.0 ✗`: what runs, what is under way, and a mark for a failure, an incident, drift."""

    def failed(one: Any) -> bool:  # noqa: ANN401  # a part of the body
        return bool(one["status"] == "FAILED")

    coming = [one["version"] for one in lane["pending"] if one["status"] in ("CREATED", "STARTED")]
    words = [*(one["version"] for one in lane["running"]), *(f"→{version}" for version in coming)]
    words += ["✗"] if lane.get("failed") or any(map(failed, (*lane["running"], *lane["pending"]))) else []
    words += ["!"] if lane.get("incidents") else []
    words += ["≠"] if lane["drift"] else []
    return " ".join(words) or "-"
