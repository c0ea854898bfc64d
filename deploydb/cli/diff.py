"""`deploydb diff`: what one environment runs and another does not."""

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.options import past_option
from deploydb.cli.output import ago, is_shown, output_option, show_line, show_table
from deploydb.domain.model.errors import DeployDBError, NotAllowed
from deploydb.exit_codes import ExitCode
from deploydb.query.column import Column

_SHOWN = 5
"""Releases in a cell; `-o json` has all of them."""

_MODULE = (
    Column("SERVICE"),
    Column("MODULE", gives_way=2),
)
_BETWEEN = Column("BETWEEN", "text", gives_way=1)


@click.command()
@click.argument("origin", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--service", metavar="NAME", help="Of this service only.")
@click.option("--all", "everything", is_flag=True, help="What is the same in both, too.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), help="How many at most, those that differ first; all by default."
)
@past_option("--at", help="What they ran then: 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d.")
@output_option
def diff(
    origin: str, target: str, service: str | None, everything: bool, limit: int | None, at: str | None, output: str
) -> None:
    """What FROM runs and TO does not, by service, and which releases lie between the two.

    Exits with 0 where they run the same, 1 where they differ, 2 where they could not be compared.

    \b
    Examples:
      deploydb diff staging prod
      deploydb diff staging prod --service storefront --at 3d
    """
    try:
        body = ask("diff", **{"from": origin, "to": target}, service=service, at=at, perPageSize=limit)
    except NotAllowed:
        raise
    except DeployDBError as error:
        click.echo(f"deploydb: {error}", err=True)
        raise click.exceptions.Exit(ExitCode.WRONG_USAGE) from None
    differing = [one for one in body["differences"] if one["relation"] != "same"]
    if not is_shown(output, body, lambda: (f"service/{one['service']}" for one in differing)):
        rows = [_row(one) for one in (body["differences"] if everything else differing)]
        sides = Column(origin.upper(), "text"), Column(target.upper(), "text")
        columns = (*_MODULE, *sides, Column(f"{target.upper()} IS"), _BETWEEN)
        show_table(columns, rows, empty=f"{origin} and {target} run the same.")
        if body.get("more"):
            show_line(f"{body['differing']} of {body['compared']} differ: --limit has more of them listed.", err=True)
    if differing:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _row(one: Body) -> list[str]:
    between = [_release(each) for each in one["between"][:_SHOWN]]
    if len(one["between"]) > _SHOWN or one["more"]:
        between.append("…")
    return [one["service"], one["module"], _side(one["from"]), _side(one["to"]), one["relation"], ", ".join(between)]


def _side(side: Body | None) -> str:
    return "-" if side is None else f"{side['version']} {ago(side['since'])}"


def _release(each: Body) -> str:
    return f"{each['version']} ({each['commit'][:7]})" if each["commit"] else str(each["version"])
