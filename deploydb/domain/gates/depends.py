"""`DependsOnPromotion`: another service runs somewhere, with success."""

from collections.abc import Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from deploydb.domain.gates.context import GateContext
from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model.deployment import DependencyState, GateStatus, Status, Verdict
from deploydb.domain.model.promotions import DependsOnPromotion


def depends_on(promotion: DependsOnPromotion, context: GateContext) -> Verdict:
    """What runs there has succeeded, and is of the version that is wanted."""
    ident, lane = promotion.ident, {"service": promotion.service, "environment": promotion.environment}
    found = [one for one in context.neighbours if _is_meant(promotion, one)]
    if not found:
        return context.verdict(ident, GateStatus.PENDING, gate.DependencyMissing(**lane, version=promotion.version))
    others = [one for one in found if not in_range(promotion.version, one.release.artifact.version)]
    if others:
        other = gate.DependencyVersion(**lane, version=promotion.version, running=_versions(others))
        return context.verdict(ident, GateStatus.PENDING, other)
    unproven = [one for one in found if one.status is not Status.SUCCESS]
    if unproven:
        states = tuple(gate.ReleaseStatus(version=one.release.artifact.version, status=one.status) for one in unproven)
        return context.verdict(ident, GateStatus.PENDING, gate.DependencyUnverified(**lane, running=states))
    return context.verdict(ident, GateStatus.PASS, gate.DependencyMet(**lane, running=_versions(found)))


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


def _is_meant(promotion: DependsOnPromotion, one: DependencyState) -> bool:
    lane = (one.service, one.environment) == (promotion.service, promotion.environment)
    return lane and promotion.artifact in (None, one.release.artifact.module)
