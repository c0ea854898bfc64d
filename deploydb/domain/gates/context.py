"""What a gate is asked about, and what it may look at."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from deploydb.domain.model.deployment import DependencyState, Deployment, Phase, Verdict
from deploydb.domain.model.evidence import Evidence


class GateContext(Struct, frozen=True, kw_only=True):
    """A deployment, the evidence about it, and the time.

    `since`: when the clocks of soaks and timeouts began: when the deployment came to run; at the door of a stage, when
    its release came to run upstream. `groups`: people by group. `neighbours`: what other services run where a gate asks
    about them. `before`: the last verdicts of the deployment's gates of the `phase`.
    """

    deployment: Deployment
    now: datetime
    phase: Phase = "exit"
    evidence: Evidence = Evidence()
    since: datetime | None = None
    groups: Mapping[str, frozenset[str]] = {}
    neighbours: tuple[DependencyState, ...] = ()
    before: Mapping[str, Verdict] = {}
