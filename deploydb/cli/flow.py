"""`flow show`: a release's way to prod, one row a gate."""

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.output import ago, guarding, is_shown, output_option, reason_text, show_line, show_table, until
from deploydb.cli.watch import watched
from deploydb.domain.model.errors import NotFound


@click.group()
def flow() -> None:
    """Flows: each release's way through the stages of a service.

    \b
    Example:
      deploydb flow show storefront 1.4.0
    """


@flow.command()
@click.argument("service")
@click.argument("version", required=False)
@output_option
@watched
def show(service: str, version: str | None, output: str) -> None:
    """The way of VERSION of SERVICE, or of the flow with an id: each stage, and each gate with its verdict, why, and
    what it waits for until when.

    \b
    Examples:
      deploydb flow show storefront 1.4.0
      deploydb flow show 42 --watch
    """
    name, version = (service, version) if version is not None else _of_flow(service)
    stages = ask("status", service=name)["lanes"]
    if not stages:
        raise NotFound(f"{name} has no stages")
    message = _way(name, version, [one["environment"] for one in stages])
    if is_shown(output, message, lambda: (f"deployment/{one['deployment']}" for one in message["stages"])):
        return
    show_line(f"{name} {version}")
    click.echo()
    rows = [row for stage in message["stages"] for row in _rows(stage)]
    show_table(["STAGE", "GATE", "STATE", "BECAUSE", "DECIDED", "LOOKED AT AGAIN"], rows, empty="It went nowhere.")


def _of_flow(ident: str) -> tuple[str, str]:
    """Service and version of a flow by its id."""
    if not (ident.isascii() and ident.isdecimal()):
        raise click.UsageError("Missing argument 'VERSION': or give a flow's id alone.")
    found = ask("flows", ident)
    return found["service"], found["artifact"]["version"]


def _way(service: str, version: str, environments: list[str]) -> Body:
    """Every stage that the version has a deployment in, each once. Raises: NotFound where there is none."""
    stages: dict[int, Body] = {}
    missing: NotFound | None = None
    for environment in environments:
        try:
            answer = ask("why", service, environment, version=version)
        except NotFound as error:
            missing = error
            continue
        stages |= {stage["deployment"]: stage for stage in answer["stages"]}
    if not stages and missing is not None:
        raise missing
    rank = {name: place for place, name in enumerate(environments)}
    ordered = sorted(stages.values(), key=lambda one: (rank.get(one["environment"], len(rank)), one["deployment"]))
    return {"service": service, "version": version, "stages": ordered}


def _rows(stage: Body) -> list[list[str]]:
    gates = [
        [
            "",
            guarding(gate),
            gate["verdict"],
            reason_text(gate["reason"]),
            ago(gate["decidedAt"]),
            until(gate["recheckAt"]),
        ]
        for gate in stage["gates"]
    ]
    return [[stage["environment"], "", stage["status"], reason_text(stage["reason"]), "", ""], *gates]
