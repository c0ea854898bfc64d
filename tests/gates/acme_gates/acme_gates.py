"""A gate of Acme's: no release goes on before it is of some age, unless somebody who may publishes it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from deploydb.domain.gates import Checks, GateContext, GateStatus, Promotion, Requirement, Verdict


class AgePromotion(Promotion, frozen=True, kw_only=True):
    """Passes when the release was published some time ago."""

    minimum: Annotated[timedelta, Meta(description="How long ago, such as 2d.")]
    trusted: Annotated[tuple[str, ...], Meta(description="Publishers whose releases pass at once.")] = ()

    def check(self, checks: Checks) -> None:
        checks.once(("trusted",), self.trusted)
        if self.minimum > timedelta(days=30):
            checks.problem(("minimum",), "releases would wait for more than 30d")

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        release = context.deployment.release
        due = release.published_at + self.minimum
        if release.published_by in self.trusted or context.now >= due:
            old = self.reason(
                "old_enough", "{by} published it at {at}", by=release.published_by, at=release.published_at
            )
            return context.verdict(self.ident, GateStatus.PASS, old)
        young = self.reason("too_young", "it is too young until {until}", until=due)
        return context.verdict(self.ident, GateStatus.PENDING, young, recheck_at=due)

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        return Requirement(kind="time", text="the release to be older", at=verdict.recheck_at)
