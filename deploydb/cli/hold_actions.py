"""Publishing of holds: placed and lifted."""

from datetime import UTC, datetime

import click

from deploydb.cli.client import ask
from deploydb.cli.publisher import my_source, new_id, publish_one
from deploydb.domain.model.errors import NotFound, Transient
from deploydb.domain.model.facts import HoldLifted, HoldPlaced
from deploydb.domain.model.overrides import Kind
from deploydb.users import me


def require_version(service: str, environment: str, version: str) -> None:
    """Raises: NotFound where the service has no such version."""
    try:
        ask("why", service, environment, version=version)
    except Transient as error:
        click.echo(f"whether there is {service} {version} could not be asked: {error}", err=True)


def _require(service: str | None, environment: str | None) -> None:
    """Reject a mistyped service or environment. Raises: NotFound where it does not exist."""
    named = " in ".join(name for name in (service, environment) if name is not None)
    if not named:
        return
    try:
        ask("status", service=service, environment=environment)
    except Transient as error:
        click.echo(f"whether there is {named} could not be asked: {error}", err=True)


def _require_held(kind: Kind, service: str | None, environment: str | None, version: str | None) -> None:
    """Reject the lifting of a hold that does not stand. Raises: NotFound with those that do."""
    try:
        found = [hold for hold in ask("holds")["holds"] if hold["kind"] == kind]
    except Transient as error:
        click.echo(f"whether the {kind} stands could not be asked: {error}", err=True)
        return
    wanted = (service, environment, version) if kind == "veto" else (service, environment)
    names = ("service", "environment", "version")[: len(wanted)]
    if not any(tuple(hold[name] for name in names) == wanted for hold in found):
        of = f" of {' '.join(name for name in (service, version) if name)}" if service else ""
        where = f" in {environment}" if environment else ""
        others = "; ".join(hold["text"] for hold in found)
        message = f"what stands is: {others}" if others else f"no {kind} stands anywhere"
        raise NotFound(f"there is no {kind}{of}{where or ' everywhere'}: {message}")


def place(
    kind: Kind,
    reason: str,
    until: datetime | None,
    by: str | None,
    *,
    service: str | None = None,
    environment: str | None = None,
    version: str | None = None,
) -> None:
    """Say that a hold stands. Raises: NotFound where what it is over does not exist."""
    _require(service, environment)
    publish_one(
        HoldPlaced(
            id=new_id(),
            source=my_source(),
            time=datetime.now(UTC),
            kind=kind,
            by=by or me(),
            service=service,
            environment=environment,
            version=version,
            reason=reason,
            until=until,
        )
    )


def lift(
    kind: Kind,
    reason: str | None,
    by: str | None,
    *,
    service: str | None = None,
    environment: str | None = None,
    version: str | None = None,
) -> None:
    """Say that a hold is over. Raises: NotFound where it does not stand."""
    _require_held(kind, service, environment, version)
    publish_one(
        HoldLifted(
            id=new_id(),
            source=my_source(),
            time=datetime.now(UTC),
            kind=kind,
            by=by or me(),
            service=service,
            environment=environment,
            version=version,
            reason=reason,
        )
    )
