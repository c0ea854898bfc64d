"""`DependsOnPromotion`: another service runs somewhere, with success."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import Checks, Dependency, Names, Promotion, Requirement
from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model.deployment import GateStatus, Status, Verdict
from deploydb.domain.model.running import DependencyState

_RANGE_SIGNS = "<>=!~"


class DependsOnPromotion(Promotion, frozen=True, kw_only=True):
    """Passes when another service runs in an environment, with success."""

    types: ClassVar[Names] = ("DependsOnPromotion",)

    service: Annotated[str, Meta(description="The other service.")]
    environment: Annotated[str, Meta(description="Its environment.")]
    version: Annotated[
        Annotated[str, Meta(max_length=255)] | None,
        Meta(description="Its version, or a PEP 440 range (`>=2.1,<3`). By default any."),
    ] = None
    artifact: Annotated[
        str | None, Meta(description="Which of its modules (`group:name`). By default all of them.")
    ] = None

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        return (Dependency(service=self.service, environment=self.environment, version=self.version),)

    def check(self, checks: Checks) -> None:
        checks.refer(("service",), (self.service,), "service")
        checks.refer(("environment",), (self.environment,), "environment")
        if self.version is not None and self.version[:1] in _RANGE_SIGNS:
            try:
                SpecifierSet(self.version)
            except InvalidSpecifier as error:
                checks.problem(("version",), f"{error}; write a version, or a range such as >=2.1,<3")

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        """What runs there has succeeded, and is of the version that is wanted."""
        ident, lane = self.ident, {"service": self.service, "environment": self.environment}
        found = [one for one in context.neighbours if self._is_meant(one)]
        if not found:
            return context.verdict(ident, GateStatus.PENDING, gate.DependencyMissing(**lane, version=self.version))
        unwanted = [one for one in found if not in_range(self.version, one.release.artifact.version)]
        if unwanted:
            other = gate.DependencyVersion(**lane, version=self.version, running=_versions(unwanted))
            return context.verdict(ident, GateStatus.PENDING, other)
        unproven = [one for one in found if one.status is not Status.SUCCESS]
        if unproven:
            states = tuple(
                gate.ReleaseStatus(version=one.release.artifact.version, status=one.status) for one in unproven
            )
            return context.verdict(ident, GateStatus.PENDING, gate.DependencyUnverified(**lane, running=states))
        return context.verdict(ident, GateStatus.PASS, gate.DependencyMet(**lane, running=_versions(found)))

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        version = f" {self.version}" if self.version is not None else ""
        return Requirement(kind="other", text=f"{self.service}{version} to succeed in {self.environment}")

    def _is_meant(self, one: DependencyState) -> bool:
        lane = (one.service, one.environment) == (self.service, self.environment)
        return lane and self.artifact in (None, one.release.artifact.module)


def in_range(wanted: str | None, version: str) -> bool:
    """Whether a version is the one that is wanted, or in the range. What is no PEP 440 version is in no range."""
    if wanted is None or wanted == version:
        return True
    try:
        return SpecifierSet(wanted, prereleases=True).contains(Version(version))
    except (InvalidSpecifier, InvalidVersion):
        return False


def _versions(found: Sequence[DependencyState]) -> tuple[str, ...]:
    return tuple(one.release.artifact.version for one in found)
