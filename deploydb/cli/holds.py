"""`pin`, `veto`, `freeze`, `pause`, and the words that lift them: what people hold automation back with."""

from typing import Any

import click

from deploydb.cli.client import Body, ask, where_answered
from deploydb.cli.effect import require_version
from deploydb.cli.hold_actions import lift, place
from deploydb.cli.options import action_options, arguments, early_option, lift_options
from deploydb.domain.model.errors import NotFound, Permanent, Transient


@click.command()
@arguments("service", "environment", "[version]")
@action_options(reason_required=True, ends=True)
def pin(service: str, environment: str, version: str | None, **given: Any) -> None:  # noqa: ANN401
    """Keep VERSION of SERVICE in ENVIRONMENT: automation brings no other there, until it is unpinned.

    Without VERSION: what runs there now. You have one pin on a lane: another one of yours takes its place.

    \b
    Examples:
      deploydb pin storefront prod --reason "Black Friday" --until 3d
      deploydb pin storefront prod 1.4.0 --reason "1.5 leaks memory"
    """
    kept = version or _runs(service, environment)
    if version is not None:
        with where_answered(f"whether {service} {version} exists"):
            require_version(service, version, environment)
    place(
        "pin",
        f"{service} is pinned to {kept} in {environment}",
        given,
        service=service,
        environment=environment,
        version=kept,
    )


@click.command()
@arguments("service", "environment")
@lift_options
def unpin(service: str, environment: str, **given: Any) -> None:  # noqa: ANN401
    """Let automation go on to the newest version in ENVIRONMENT.

    \b
    Example:
      deploydb unpin storefront prod --reason "the leak is fixed"
    """
    lift("pin", f"{service} is no longer pinned in {environment}", given, service=service, environment=environment)


@click.command()
@arguments("service", "version")
@click.option("--environment", metavar="NAME", help="Not there, nor in the stages after it; by default nowhere.")
@early_option
@action_options(reason_required=True, ends=True)
def veto(service: str, version: str, environment: str | None, early: bool, **given: Any) -> None:  # noqa: ANN401
    """Let VERSION of SERVICE come nowhere any more, or not to one environment and what comes after it.

    Where it runs already it stays until it is rolled back; those environments are shown.

    \b
    Examples:
      deploydb veto storefront 1.4.0 --reason "loses orders"
      deploydb veto storefront 1.4.0 --environment prod --reason "wait for legal" --until 2d
    """
    where = f" from {environment} on" if environment else ""
    if not early:
        with where_answered(f"whether {service} {version} exists"):
            try:
                require_version(service, version)
            except NotFound as error:
                raise NotFound(f"{error}; --early is for a version that is still to come") from error
    place(
        "veto",
        f"{service} {version} is vetoed{where}",
        given,
        early=early,
        service=service,
        environment=environment,
        version=version,
    )
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
@lift_options
def unveto(service: str, version: str, environment: str | None, **given: Any) -> None:  # noqa: ANN401
    """Lift the veto on VERSION. Give the --environment that it was placed with.

    \b
    Example:
      deploydb unveto storefront 1.4.0 --environment prod
    """
    lift(
        "veto",
        f"{service} {version} is no longer vetoed{f' from {environment} on' if environment else ''}",
        given,
        service=service,
        environment=environment,
        version=version,
    )


@click.command()
@click.argument("environment", required=False)
@click.option("--service", metavar="NAME", help="This service only.")
@action_options(reason_required=True, ends=True)
def freeze(environment: str | None, service: str | None, **given: Any) -> None:  # noqa: ANN401
    """Let nothing enter ENVIRONMENT; without ENVIRONMENT, let nothing enter any.

    Who may override it lets a version through with a comment, which is kept: deploydb approve SERVICE ENVIRONMENT
    --promotion freeze --comment WHY.

    \b
    Examples:
      deploydb freeze prod --reason "year's end" --until 2027-01-02T06:00:00Z
      deploydb freeze --service storefront --reason "audit"
    """
    place(
        "freeze",
        f"{environment or 'everything'} is frozen{f' for {service}' if service else ''}",
        given,
        service=service,
        environment=environment,
    )


@click.command()
@click.argument("environment", required=False)
@click.option("--service", metavar="NAME", help="The service that the freeze names.")
@lift_options
def thaw(environment: str | None, service: str | None, **given: Any) -> None:  # noqa: ANN401
    """Lift the freeze of ENVIRONMENT; without ENVIRONMENT, the one over all.

    Give the --service that it was placed with.

    \b
    Example:
      deploydb thaw prod
    """
    lift(
        "freeze",
        f"{environment or 'everything'} is no longer frozen{f' for {service}' if service else ''}",
        given,
        service=service,
        environment=environment,
    )


@click.command()
@arguments("service", "[environment]")
@action_options(reason_required=True, ends=True)
def pause(service: str, environment: str | None, **given: Any) -> None:  # noqa: ANN401
    """Let nothing of SERVICE be promoted, to ENVIRONMENT or to any.

    \b
    Examples:
      deploydb pause storefront --reason "moving the database" --until 2h
      deploydb pause storefront prod --reason "moving the database"
    """
    place(
        "pause",
        f"{service} is paused{f' in {environment}' if environment else ''}",
        given,
        service=service,
        environment=environment,
    )


@click.command()
@arguments("service", "[environment]")
@lift_options
def resume(service: str, environment: str | None, **given: Any) -> None:  # noqa: ANN401
    """Lift the pause of SERVICE. Give the ENVIRONMENT that it was placed with.

    \b
    Example:
      deploydb resume storefront
    """
    lift(
        "pause",
        f"{service} is no longer paused{f' in {environment}' if environment else ''}",
        given,
        service=service,
        environment=environment,
    )


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
