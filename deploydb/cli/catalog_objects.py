"""`service` and `environment`: what is configured, with what runs."""

import click

from deploydb.cli.client import Body, ask, ask_all
from deploydb.cli.output import ago, is_shown, output_option, reason_text, show_line, show_table
from deploydb.query.column import Column

_SERVICES = (
    Column("SERVICE"),
    Column("ARTIFACTS", "text", gives_way=2),
    Column("PIPELINES", "text", gives_way=1),
    Column("DESCRIPTION", "text", gives_way=3),
)
_ENVIRONMENTS = (
    Column("ENVIRONMENT"),
    Column("DESCRIPTION", "text"),
)
_LANES = (
    Column("VERSION", "text"),
    Column("STATUS", "text"),
    Column("SINCE", "text", gives_way=1),
    Column("BEFORE", "text", gives_way=2),
    Column("COMING", "text"),
    Column("EXPECTED", "text", gives_way=3),
)

_METADATA = ("repository", "team", "chat", "runbook", "labels")
"""Of a service, where they are configured."""


@click.group()
def service() -> None:
    """Services: list them, describe one.

    \b
    Example:
      deploydb service describe storefront
    """


@service.command("list")
@output_option
def list_services(output: str) -> None:
    """Every service that is configured.

    \b
    Example:
      deploydb service list
    """
    found = ask_all("services", expand="metadata")
    if is_shown(output, found, lambda: (f"service/{one['ident']}" for one in found)):
        return
    rows = [
        [one["ident"], ", ".join(one["artifacts"]), ", ".join(one["pipelines"]), one["description"]] for one in found
    ]
    show_table(_SERVICES, rows, empty="No service is configured.")


@service.command("describe")
@click.argument("name", metavar="SERVICE")
@output_option
def describe_service(name: str, output: str) -> None:
    """One service: how it is configured, what runs in its stages, what is held.

    \b
    Example:
      deploydb service describe storefront -o yaml
    """
    members = ("description", "artifacts", "pipelines", "promotions", "failure_strategy", *_METADATA)
    _describe("service", name, members, "environment", output, empty="No stages.")


@click.group()
def environment() -> None:
    """Environments: list them, describe one.

    \b
    Example:
      deploydb environment describe prod
    """


@environment.command("list")
@output_option
def list_environments(output: str) -> None:
    """Every environment that is configured.

    \b
    Example:
      deploydb environment list
    """
    found = ask_all("environments")
    if is_shown(output, found, lambda: (f"environment/{one['ident']}" for one in found)):
        return
    rows = [[one["ident"], one["description"]] for one in found]
    show_table(_ENVIRONMENTS, rows, empty="No environment is configured.")


@environment.command("describe")
@click.argument("name", metavar="ENVIRONMENT")
@output_option
def describe_environment(name: str, output: str) -> None:
    """One environment: what runs in it of each service, what is held.

    \b
    Example:
      deploydb environment describe prod
    """
    _describe("environment", name, ("description",), "service", output, empty="Nothing goes there.")


def _describe(kind: str, name: str, members: tuple[str, ...], other: str, output: str, *, empty: str) -> None:
    """An object: its members as configured, its lanes by the `other` kind, its holds."""
    scope = {kind: name}
    expand = "metadata" if kind == "service" else None
    configured, lanes = ask(f"{kind}s", name, expand=expand), ask("status", **scope)["lanes"]
    if is_shown(output, configured | {"lanes": lanes}, lambda: [f"{kind}/{name}"]):
        return
    for member in ("ident", *members):
        value = configured.get(member)
        if value is None and member in _METADATA:
            continue
        pairs = [f"{key}={label}" for key, label in value.items()] if isinstance(value, dict) else value
        message = ", ".join(pairs) if isinstance(pairs, list) else str(pairs)
        show_line(f"{member.replace('_', ' '):<17} {message}".rstrip())
    click.echo()
    show_table((Column(other.upper()), *_LANES), [[lane[other], *_lane(lane)] for lane in lanes], empty=empty)
    holds = ask("holds", **scope)["holds"]
    if holds:
        click.echo()
    for hold in holds:
        show_line(f"held: {hold['text']}")


def _lane(lane: Body) -> list[str]:
    running = lane["running"]
    return [
        ", ".join(one["version"] for one in running) or "-",
        ", ".join(one["status"] for one in running),
        ", ".join(ago(one["since"]) for one in running),
        ", ".join(one["previous"]["version"] for one in running if one["previous"]),
        ", ".join(f"{one['version']} {one['status']}: {reason_text(one['reason'])}" for one in lane["pending"]),
        ", ".join(f"{one['expected']}: {reason_text(one['reason'])}" for one in lane["drift"]),
    ]
