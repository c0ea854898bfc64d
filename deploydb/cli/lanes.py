"""`status`, `why` and `history`: where does which version run, why is it not further, what has been."""

from typing import Any

import click

from deploydb.cli.asking import Body, ask
from deploydb.cli.showing import ago, output_option, printable, show_json, show_table, until


@click.command()
@click.option("--service", metavar="NAME", help="Of this service only.")
@click.option("--environment", metavar="NAME", help="In this environment only.")
@output_option
def status(service: str | None, environment: str | None, output: str) -> None:
    """What runs where, since when, and what is on its way.

    A row a service, a column an environment. In a cell: the version, its status, since when; below it what is not
    there yet, with its status.

    \b
    Examples:
      deploydb status
      deploydb status --service storefront -o json
    """
    body = ask("status", service=service, environment=environment)
    if output == "json":
        show_json(body)
        return
    environments: list[str] = body["environments"]
    cells: dict[str, dict[str, str]] = {}
    for lane in body["lanes"]:
        cells.setdefault(lane["service"], {})[lane["environment"]] = _cell(lane)
    rows = [[name, *(lanes.get(each, "-") for each in environments)] for name, lanes in cells.items()]
    show_table(["SERVICE", *(each.upper() for each in environments)], rows, empty="No service is configured.")


def _cell(lane: Body) -> str:
    several = len({one["module"] for one in (*lane["running"], *lane["pending"])}) > 1
    running = [f"{_named(one, several)} {one['status']} {ago(one['since'])}" for one in lane["running"]]
    pending = [f"→ {_named(one, several)} {one['status']}" for one in lane["pending"]]
    return ", ".join([*running, *pending]) or "-"


def _named(one: Body, several: bool) -> str:
    module = str(one["module"]).partition(":")[2]
    return f"{module} {one['version']}" if several else str(one["version"])


@click.command()
@click.argument("service")
@click.argument("environment")
@click.argument("version", required=False)
@output_option
def why(service: str, environment: str, version: str | None, output: str) -> None:
    """Why VERSION is, or is not, in ENVIRONMENT: the answer first, then each stage on the way and each of its gates.

    Without VERSION: the newest that is not there yet, else what runs there. Exits with 0 whatever the answer is.

    \b
    Examples:
      deploydb why storefront prod
      deploydb why storefront prod 1.4.0 -o json
    """
    body = ask("why", service, environment, version=version)
    if output == "json":
        show_json(body)
        return
    click.echo(printable(body["answer"]))
    click.echo()
    rows = [row for stage in body["stages"] for row in _stage_rows(stage)]
    show_table(["ENVIRONMENT", "PROMOTION", "STATE", "BECAUSE", "DECIDED", "ASKED AGAIN"], rows, empty="No stages.")


def _stage_rows(stage: Body) -> list[list[str]]:
    gates = [
        ["", gate["promotion"], gate["verdict"], gate["reason"], ago(gate["decidedAt"]), until(gate["recheckAt"])]
        for gate in stage["gates"]
    ]
    return [[stage["environment"], "", stage["status"], stage["reason"] or "", "", ""], *gates]


@click.command()
@click.argument("service")
@click.argument("environment", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@output_option
def history(service: str, environment: str | None, limit: int, output: str) -> None:
    """What has been deployed of SERVICE, newest first.

    \b
    Examples:
      deploydb history storefront
      deploydb history storefront prod --limit 5
    """
    path = [service] if environment is None else [service, environment]
    body = ask("history", *path, perPageSize=limit)
    if output == "json":
        show_json(body)
        return
    rows = [_history_row(one) for one in body["deployments"]]
    headings = ["DEPLOYMENT", "ENVIRONMENT", "VERSION", "STATUS", "WHEN", "BECAUSE"]
    show_table(headings, rows, empty=f"Nothing of {service} has been deployed.")


def _history_row(one: dict[str, Any]) -> list[str]:
    when = one["finishedAt"] or one["startedAt"] or one["requestedAt"] or one["decidedAt"] or one["createdAt"]
    kind = "" if one["kind"] == "deploy" else f" ({one['kind']})"
    return [str(one["id"]), one["environment"], one["version"] + kind, one["status"], ago(when), one["reason"] or ""]
