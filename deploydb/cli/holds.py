"""`pin`, `veto`, `freeze`, `pause`, and the words that lift them: what people hold automation back with."""

from datetime import datetime

import click

from deploydb.cli.client import Body, ask, where_answered
from deploydb.cli.options import action_options, arguments
from deploydb.cli.publisher import publish_one, signed
from deploydb.domain.model.errors import NotFound, Permanent, Transient
from deploydb.domain.model.facts import HoldLifted, HoldPlaced
from deploydb.domain.model.overrides import Kind


@click.command()
@arguments("service", "environment", "[version]")
@action_options(reason_required=True, ends=True)
def pin(
    service: str, environment: str, version: str | None, reason: str, until: datetime | None, by: str | None
) -> None:
    """Keep VERSION of SERVICE in ENVIRONMENT: automation brings no other there, until it is unpinned.

    Without VERSION: what runs there now. A lane has one pin; another one takes its place.

    \b
    Examples:
      deploydb pin storefront prod --reason "Black Friday" --until 3d
      deploydb pin storefront prod 1.4.0 --reason "1.5 leaks memory"
    """
    kept = version or _runs(service, environment)
    if version is not None:
        with where_answered(f"whether {service} {version} exists"):
            ask("why", service, environment, version=version)
    _place("pin", reason, until, by, service=service, environment=environment, version=kept)
    click.echo(f"{service} is pinned to {kept} in {environment}", err=True)


@click.command()
@arguments("service", "environment")
@action_options(reason_required=False)
def unpin(service: str, environment: str, reason: str | None, by: str | None) -> None:
    """Let automation go on to the newest version in ENVIRONMENT.

    \b
    Example:
      deploydb unpin storefront prod --reason "the leak is fixed"
    """
    _lift("pin", reason, by, service=service, environment=environment)
    click.echo(f"{service} is no longer pinned in {environment}", err=True)


@click.command()
@arguments("service", "version")
@click.option("--environment", metavar="NAME", help="Not there, nor in the stages after it; by default nowhere.")
@action_options(reason_required=True, ends=True)
def veto(
    service: str, version: str, environment: str | None, reason: str, until: datetime | None, by: str | None
) -> None:
    """Let VERSION of SERVICE come nowhere any more, or not to one environment and what comes after it.

    Where it runs already it stays until it is rolled back; those environments are shown.

    \b
    Examples:
      deploydb veto storefront 1.4.0 --reason "loses orders"
      deploydb veto storefront 1.4.0 --environment prod --reason "wait for legal" --until 2d
    """
    _place("veto", reason, until, by, service=service, environment=environment, version=version)
    where = f" from {environment} on" if environment else ""
    click.echo(f"{service} {version} is vetoed{where}", err=True)
    try:
        body = ask("status", service=service)
    except Transient:
        return  # reported above
    for there in _running_at(body, version, environment):
        message = f"it runs in {there}; what could be put back: deploydb rollback {service} {there} --dry-run"
        click.echo(message, err=True)


@click.command()
@arguments("service", "version")
@click.option("--environment", metavar="NAME", help="The one that the veto names.")
@action_options(reason_required=False)
def unveto(service: str, version: str, environment: str | None, reason: str | None, by: str | None) -> None:
    """Lift the veto on VERSION. Give the --environment that it was placed with.

    \b
    Example:
      deploydb unveto storefront 1.4.0 --environment prod
    """
    _lift("veto", reason, by, service=service, environment=environment, version=version)
    click.echo(f"{service} {version} is no longer vetoed{f' from {environment} on' if environment else ''}", err=True)


@click.command()
@click.argument("environment", required=False)
@click.option("--service", metavar="NAME", help="This service only.")
@action_options(reason_required=True, ends=True)
def freeze(environment: str | None, service: str | None, reason: str, until: datetime | None, by: str | None) -> None:
    """Let nothing enter ENVIRONMENT; without ENVIRONMENT, let nothing enter any.

    Who may override it lets a version through with a comment, which is kept: deploydb approve SERVICE ENVIRONMENT
    --promotion freeze --comment WHY.

    \b
    Examples:
      deploydb freeze prod --reason "year's end" --until 2027-01-02T06:00:00Z
      deploydb freeze --service storefront --reason "audit"
    """
    _place("freeze", reason, until, by, service=service, environment=environment)
    click.echo(f"{environment or 'everything'} is frozen{f' for {service}' if service else ''}", err=True)


@click.command()
@click.argument("environment", required=False)
@click.option("--service", metavar="NAME", help="The service that the freeze names.")
@action_options(reason_required=False)
def thaw(environment: str | None, service: str | None, reason: str | None, by: str | None) -> None:
    """Lift the freeze of ENVIRONMENT; without ENVIRONMENT, the one over all.

    Give the --service that it was placed with.

    \b
    Example:
      deploydb thaw prod
    """
    _lift("freeze", reason, by, service=service, environment=environment)
    click.echo(f"{environment or 'everything'} is no longer frozen{f' for {service}' if service else ''}", err=True)


@click.command()
@arguments("service", "[environment]")
@action_options(reason_required=True, ends=True)
def pause(service: str, environment: str | None, reason: str, until: datetime | None, by: str | None) -> None:
    """Let nothing of SERVICE be promoted, to ENVIRONMENT or to any.

    \b
    Examples:
      deploydb pause storefront --reason "moving the database" --until 2h
      deploydb pause storefront prod --reason "moving the database"
    """
    _place("pause", reason, until, by, service=service, environment=environment)
    click.echo(f"{service} is paused{f' in {environment}' if environment else ''}", err=True)


@click.command()
@arguments("service", "[environment]")
@action_options(reason_required=False)
def resume(service: str, environment: str | None, reason: str | None, by: str | None) -> None:
    """Lift the pause of SERVICE. Give the ENVIRONMENT that it was placed with.

    \b
    Example:
      deploydb resume storefront
    """
    _lift("pause", reason, by, service=service, environment=environment)
    click.echo(f"{service} is no longer paused{f' in {environment}' if environment else ''}", err=True)


def _runs(service: str, environment: str) -> str:
    """The version that a lane runs. Raises: Permanent where that is none, or not one."""
    lanes = ask("status", service=service, environment=environment)["lanes"]
    versions = sorted({str(one["version"]) for lane in lanes for one in lane["running"]})
    if not versions:
        raise Permanent(f"nothing of {service} runs in {environment}: say which version to keep")
    if len(versions) > 1:
        raise Permanent(f"{service} runs {', '.join(versions)} in {environment}: say which version to keep")
    return versions[0]


def _running_at(body: Body, version: str, environment: str | None) -> list[str]:
    """The environments from one on, in the order of the pipelines, that run a version."""
    order: list[str] = body["environments"]
    first = order.index(environment) if environment in order else 0
    return [
        lane["environment"]
        for lane in body["lanes"]
        if lane["environment"] in order[first:] and version in {one["version"] for one in lane["running"]}
    ]


def _place(kind: Kind, reason: str, until: datetime | None, by: str | None, **scope: str | None) -> None:
    """Publish that a hold stands. Raises: NotFound where its service or environment does not exist."""
    wanted = {name: value for name, value in scope.items() if name != "version" and value is not None}
    if named := " in ".join(wanted.values()):
        with where_answered(f"whether {named} exists"):
            ask("status", **wanted)
    publish_one(HoldPlaced(**signed(by) | scope, kind=kind, reason=reason, until=until))


def _lift(kind: Kind, reason: str | None, by: str | None, **scope: str | None) -> None:
    """Publish that a hold is over. Raises: NotFound, with those that stand, where it does not."""
    with where_answered(f"whether the {kind} stands"):
        found = [hold for hold in ask("holds")["holds"] if hold["kind"] == kind]
        if not any(hold | scope == hold for hold in found):
            service, environment = scope["service"], scope["environment"]
            of = f" of {' '.join(filter(None, (service, scope.get('version'))))}" if service else ""
            where = f" in {environment}" if environment else " everywhere"
            others = "; ".join(hold["text"] for hold in found)
            standing = f"what stands is: {others}" if others else f"no {kind} stands anywhere"
            raise NotFound(f"there is no {kind}{of}{where}: {standing}")
    publish_one(HoldLifted(**signed(by) | scope, kind=kind, reason=reason))
