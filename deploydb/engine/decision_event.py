"""The base of decision events: what each of them is, and what it is read back by."""

from datetime import datetime
from typing import Any, Protocol, get_type_hints

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import Decision, Decisions
from deploydb.domain.model.deployment import DECIDED, Deployment, Release
from deploydb.domain.model.overrides import RetryRequest, RollbackRequest

_TYPES = get_type_hints(Deployment)

Changes: Any = msgspec.defstruct("Changes", [(name, _TYPES[name] | UnsetType, UNSET) for name in DECIDED], frozen=True)
"""The fields of a deployment that a decision has changed; None: emptied."""


class Known(Protocol):
    """What events name by numbers, as it is before them. `at`: when the event was recorded."""

    at: datetime

    def deployment(self, id_: int) -> Deployment:
        """A deployment, by its id."""

    def release(self, id_: int) -> Release:
        """A release, by its artifact's row."""

    def wish(self, number: int) -> RollbackRequest:
        """A rollback that a person wanted, by its row in the log."""

    def retry(self, number: int) -> RetryRequest:
        """Another attempt that a person wanted, by its row in the log."""


class DecisionEvent(Struct, frozen=True, kw_only=True):
    """The body of a row of the log that DeployDB itself has written."""

    type: str
    service: str

    def decided(self, _known: Known) -> tuple[Decision, ...]:
        """The decisions, in order."""
        return ()

    def explained(self, _known: Known) -> tuple[Deployment, ...]:
        """The deployments of which only the reason of the status is new, or that are closed."""
        return ()

    def decisions(self, known: Known) -> Decisions:
        """What was decided, as `decide` returned it."""
        return Decisions(service=self.service, decisions=self.decided(known), explained=self.explained(known))


class OfDeployment(DecisionEvent, frozen=True, kw_only=True):
    """What was decided of one deployment."""

    environment: str
    deployment: int
    changes: Changes = Changes()

    def after(self, known: Known) -> Deployment:
        """The deployment with the changes."""
        return changed(known.deployment(self.deployment), self.changes)


def changed(deployment: Deployment, changes: Any) -> Deployment:  # noqa: ANN401  # Changes
    """The deployment with the changes."""
    given = {name: value for name in DECIDED if (value := getattr(changes, name)) is not UNSET}
    return replace(deployment, **given)


class Noted(DecisionEvent, frozen=True, kw_only=True):
    """What people should look at. It changes nothing."""

    service: str = ""
