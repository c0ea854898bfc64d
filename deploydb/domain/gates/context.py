"""What a gate is asked about, and what it may look at."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from deploydb.domain.model.deployment import Deployment, GateStatus, Inputs, Phase, Verdict
from deploydb.domain.model.evidence import Evidence
from deploydb.domain.model.reasons import Reason
from deploydb.domain.model.running import DependencyState


class GateContext(Struct, frozen=True, kw_only=True):
    """A deployment, the evidence about it, and the time.

    `since`: when the clocks of soaks and timeouts began: when the deployment came to run; at the door of a stage, when
    its release came to run upstream. `groups`: people by group; `overriders`: the groups whose
    members answer for a gate that cannot tell. `neighbours`: what other services run where a gate asks
    about them. `before`: the last verdicts of the deployment's gates of the `phase`. `assumed`: verdicts in place of
    the gate's own, by promotion.
    """

    deployment: Deployment
    now: datetime
    phase: Phase = "exit"
    evidence: Evidence = Evidence()
    since: datetime | None = None
    groups: Mapping[str, frozenset[str]] = {}
    overriders: tuple[str, ...] = ()
    neighbours: tuple[DependencyState, ...] = ()
    before: Mapping[str, Verdict] = {}
    assumed: Mapping[str, Verdict] = {}

    def verdict(
        self, ident: str, outcome: GateStatus, reason: Reason, recheck_at: datetime | None = None, inputs: Inputs = ()
    ) -> Verdict:
        """A gate's verdict, of the phase that is asked."""
        return Verdict(
            promotion=ident, phase=self.phase, outcome=outcome, reason=reason, recheck_at=recheck_at, inputs=inputs
        )
