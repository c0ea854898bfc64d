"""`flow show`: a release's way to prod, one row a gate."""

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.options import arguments, watched
from deploydb.cli.output import is_shown, output_option, show_line, show_stages
from deploydb.domain.model.errors import NotFound


@click.group()
def flow() -> None:
    """Flows: each release's way through the stages of a service.

    \b
    Example:
      deploydb flow show storefront 1.4.0
    """


@flow.command()
@arguments("service", "[version]")
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
    body = _flow(name, version, [lane["environment"] for lane in stages])
    if is_shown(output, body, lambda: (f"deployment/{stage['deployment']}" for stage in body["stages"])):
        return
    show_line(f"{name} {version}")
    if "branch" in body:
        show_line(body["branch"]["text"])
    click.echo()
    show_stages(body["stages"])


def _of_flow(id_: str) -> tuple[str, str]:
    """Service and version of a flow by its id."""
    if not (id_.isascii() and id_.isdecimal()):
        raise click.UsageError("Missing argument 'VERSION': or give a flow's id alone.")
    found = ask("flows", id_)
    return found["service"], found["artifact"]["version"]


def _flow(service: str, version: str, environments: list[str]) -> Body:
    """Every stage that the version has a deployment in, each once; `branch`: the reason where its pipelines take other
    versions. Raises: NotFound where there is neither."""
    stages: dict[int, Body] = {}
    branch: Body | None = None
    missing: NotFound | None = None
    for environment in environments:
        try:
            answer = ask("why", service, environment, version=version)
        except NotFound as error:
            missing = error
            continue
        stages |= {stage["deployment"]: stage for stage in answer["stages"]}
        branch = answer["branch"]["reason"] if "branch" in answer else branch
    if not stages and branch is None and missing is not None:
        raise missing
    rank = {name: place for place, name in enumerate(environments)}
    ordered = sorted(stages.values(), key=lambda one: (rank.get(one["environment"], len(rank)), one["deployment"]))
    body: Body = {"service": service, "version": version, "stages": ordered}
    return body | {"branch": branch} if branch is not None and not ordered else body
