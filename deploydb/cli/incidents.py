"""`incident`: open one, and resolve it."""

import click

from deploydb.cli.client import Body, ask, ask_why, where_answered
from deploydb.cli.effect import publish_and_show
from deploydb.cli.options import action_options, arguments
from deploydb.cli.output import output_option
from deploydb.cli.publisher import publish_order, signed_order
from deploydb.domain.model.errors import NotFound, Permanent
from deploydb.domain.model.facts import IncidentDetected, IncidentResolved


@click.group()
def incident() -> None:
    """Incidents: trouble with what runs in an environment.

    An open incident fails a deployment where `fail_on_incident` is configured, and a soak begins again after it.

    \b
    Examples:
      deploydb incident open storefront prod INC-4711 --reason "checkout is down"
      deploydb incident resolve storefront prod
    """


@incident.command("open")
@arguments("service", "environment", "[name]")
@click.option("--version", metavar="VERSION", help="The version in trouble; by default the one that runs there.")
@click.option("--url", metavar="URL", help="Where more is to be seen.")
@action_options(reason_required=True, own_output=True)
@output_option
def open_(
    service: str,
    environment: str,
    name: str | None,
    version: str | None,
    url: str | None,
    reason: str,
    by: str | None,
    output: str,
) -> None:
    """Open incident NAME of SERVICE in ENVIRONMENT. A lane has one incident without a name.

    It counts against VERSION, else against the one that runs there when it is opened first.

    \b
    Examples:
      deploydb incident open storefront prod INC-4711 --reason "checkout is down"
      deploydb incident open storefront prod INC-4711 --version 1.4.0 --reason "loses orders" -o json
    """
    with where_answered(f"whether {service} in {environment} exists"):
        if not ask("status", service=service, environment=environment)["lanes"]:
            raise NotFound(f"{environment} is no stage of {service}, and nothing of it runs there")
        if version is not None:
            ask_why(service, environment, version=version)
    fact = IncidentDetected(
        **signed_order(by),
        service=service,
        environment=environment,
        incident=name or None,
        version=version,
        reason=reason,
        url=url,
    )
    publish_and_show(fact, output, f"{_called(name)} of {service} in {environment} is open", publish=publish_order)


@incident.command()
@arguments("service", "environment", "[name]")
@action_options(reason_required=False, own_output=True)
@output_option
def resolve(service: str, environment: str, name: str | None, reason: str | None, by: str | None, output: str) -> None:
    """Resolve incident NAME of SERVICE in ENVIRONMENT; without NAME, the only one that is open there.

    "" as NAME means the incident without a name.

    \b
    Examples:
      deploydb incident resolve storefront prod INC-4711 --reason "rolled back"
      deploydb incident resolve storefront prod
    """
    if name is None:
        name = _only(service, environment)
    else:
        name = name or None
        with where_answered(f"whether {_called(name)} is open"):
            _require(service, environment, name)
    fact = IncidentResolved(**signed_order(by), service=service, environment=environment, incident=name, reason=reason)
    publish_and_show(fact, output, f"{_called(name)} of {service} in {environment} is resolved", publish=publish_order)


def _open(service: str | None, environment: str | None) -> list[Body]:
    found: list[Body] = ask("incidents", service=service, environment=environment)["incidents"]
    return found


def _only(service: str, environment: str) -> str | None:
    """The name of the one incident that is open in a lane. Raises: NotFound for none, Permanent for several."""
    found = _open(service, environment)
    if not found:
        raise NotFound(f"no incident of {service} is open in {environment}")
    if len(found) > 1:
        raise Permanent(f"{_listed(found)} of {service} are open in {environment}: say which")
    name: str | None = found[0]["name"]
    return name


def _require(service: str, environment: str, name: str | None) -> None:
    """Raises: NotFound, with the open incidents of the lane, where this one is not."""
    found = _open(service, environment)
    if name not in [one["name"] for one in found]:
        others = f"what is open: {_listed(found)}" if found else "no incident is open there"
        raise NotFound(f"{_called(name)} of {service} in {environment} is not open: {others}")


def _listed(found: list[Body]) -> str:
    return ", ".join(_called(one["name"]) if one["name"] else f'{_called(None)} ("")' for one in found)


def _called(name: str | None) -> str:
    return f"incident {name}" if name else "an incident without a name"
