"""`service` and `environment`: what is configured, with what runs."""

import click

from deploydb.cli.client import Body, ask, ask_all
from deploydb.cli.output import ago, is_shown, output_option, reason_text, show_line, show_table


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
    found = ask_all("services")
    if is_shown(output, found, lambda: (f"service/{one['ident']}" for one in found)):
        return
    rows = [
        [one["ident"], ", ".join(one["artifacts"]), ", ".join(one["pipelines"]), one["description"]] for one in found
    ]
    show_table(["SERVICE", "ARTIFACTS", "PIPELINES", "DESCRIPTION"], rows, empty="No service is configured.")


@service.command("describe")
@click.argument("name", metavar="SERVICE")
@output_option
def describe_service(name: str, output: str) -> None:
    """One service: how it is configured, what runs in its stages, what is held.

    \b
    Example:
      deploydb service describe storefront -o yaml
    """
    configured, lanes = ask("services", name), ask("status", service=name)["lanes"]
    if is_shown(output, configured | {"lanes": lanes}, lambda: [f"service/{name}"]):
        return
    _describe(configured, ("description", "artifacts", "pipelines", "promotions", "failure_strategy"))
    click.echo()
    show_table(["ENVIRONMENT", *_LANE], [[one["environment"], *_lane(one)] for one in lanes], empty="No stages.")
    _tell_holds(ask("holds", service=name)["holds"])


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
    show_table(["ENVIRONMENT", "DESCRIPTION"], rows, empty="No environment is configured.")


@environment.command("describe")
@click.argument("name", metavar="ENVIRONMENT")
@output_option
def describe_environment(name: str, output: str) -> None:
    """One environment: what runs in it of each service, what is held.

    \b
    Example:
      deploydb environment describe prod
    """
    configured, lanes = ask("environments", name), ask("status", environment=name)["lanes"]
    if is_shown(output, configured | {"lanes": lanes}, lambda: [f"environment/{name}"]):
        return
    _describe(configured, ("description",))
    click.echo()
    show_table(["SERVICE", *_LANE], [[one["service"], *_lane(one)] for one in lanes], empty="Nothing goes there.")
    _tell_holds(ask("holds", environment=name)["holds"])


_LANE = ("VERSION", "STATUS", "SINCE", "BEFORE", "COMING", "EXPECTED")


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


def _describe(configured: Body, members: tuple[str, ...]) -> None:
    for name in ("ident", *members):
        value = configured[name]
        message = ", ".join(value) if isinstance(value, list) else str(value)
        show_line(f"{name.replace('_', ' '):<17} {message}".rstrip())


def _tell_holds(holds: list[Body]) -> None:
    if holds:
        click.echo()
    for hold in holds:
        show_line(f"held: {hold['text']}")
