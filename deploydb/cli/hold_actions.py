"""Publishing of holds: placed and lifted."""

from datetime import datetime
from typing import NotRequired, TypedDict, Unpack

from deploydb.cli.client import ask, where_answered
from deploydb.cli.publisher import publish_one, signed
from deploydb.domain.model.errors import NotFound
from deploydb.domain.model.facts import HoldLifted, HoldPlaced
from deploydb.domain.model.overrides import Kind


class Scope(TypedDict):
    """The lanes and versions of a hold; what is left out is not limited."""

    service: NotRequired[str | None]
    environment: NotRequired[str | None]
    version: NotRequired[str | None]


def require_version(service: str, environment: str, version: str) -> None:
    """Raises: NotFound where the service has no such version."""
    with where_answered(f"whether {service} {version} exists"):
        ask("why", service, environment, version=version)


def _require(service: str | None, environment: str | None) -> None:
    """Reject a mistyped service or environment. Raises: NotFound where it does not exist."""
    named = " in ".join(name for name in (service, environment) if name is not None)
    if named:
        with where_answered(f"whether {named} exists"):
            ask("status", service=service, environment=environment)


def _require_held(kind: Kind, scope: Scope) -> None:
    """Reject the lifting of a hold that does not stand. Raises: NotFound with those that do."""
    service, environment, version = scope.get("service"), scope.get("environment"), scope.get("version")
    with where_answered(f"whether the {kind} stands"):
        found = [hold for hold in ask("holds")["holds"] if hold["kind"] == kind]
        wanted = {"service": service, "environment": environment} | ({"version": version} if kind == "veto" else {})
        if not any(hold | wanted == hold for hold in found):
            of = f" of {' '.join(name for name in (service, version) if name)}" if service else ""
            where = f" in {environment}" if environment else " everywhere"
            others = "; ".join(hold["text"] for hold in found)
            standing = f"what stands is: {others}" if others else f"no {kind} stands anywhere"
            raise NotFound(f"there is no {kind}{of}{where}: {standing}")


def place(kind: Kind, reason: str, until: datetime | None, by: str | None, **scope: Unpack[Scope]) -> None:
    """Publish that a hold stands. Raises: NotFound where its service or environment does not exist."""
    _require(scope.get("service"), scope.get("environment"))
    publish_one(HoldPlaced(**signed(by), kind=kind, reason=reason, until=until, **scope))


def lift(kind: Kind, reason: str | None, by: str | None, **scope: Unpack[Scope]) -> None:
    """Publish that a hold is over. Raises: NotFound where it does not stand."""
    _require_held(kind, scope)
    publish_one(HoldLifted(**signed(by), kind=kind, reason=reason, **scope))
