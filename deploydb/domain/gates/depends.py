"""`DependsOnPromotion`: another service runs somewhere, with success."""

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from deploydb.domain.gates.asked import Asked
from deploydb.domain.promotions import DependsOnPromotion
from deploydb.domain.state import Neighbour, Outcome, Status, Verdict


def depends_on(promotion: DependsOnPromotion, asked: Asked) -> Verdict:
    """What runs there has succeeded, and is of the version that is wanted."""
    ident, where = promotion.ident, f"{promotion.service} in {promotion.environment}"
    found = [one for one in asked.neighbours if _is_meant(promotion, one)]
    wanted = f" {promotion.version}" if promotion.version is not None else ""
    if not found:
        reason = f"waits for {promotion.service}{wanted} in {promotion.environment}: nothing of it runs there"
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason)
    others = [one for one in found if not in_range(promotion.version, one.release.artifact.version)]
    if others:
        runs = ", ".join(one.release.artifact.version for one in others)
        return Verdict(
            promotion=ident, outcome=Outcome.PENDING, reason=f"waits for {where} to be{wanted}; it runs {runs}"
        )
    unproven = [one for one in found if one.status is not Status.SUCCESS]
    if unproven:
        told = ", ".join(f"{one.release.artifact.version} is {one.status}" for one in unproven)
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=f"waits for {where} to succeed: {told}")
    runs = ", ".join(one.release.artifact.version for one in found)
    return Verdict(promotion=ident, outcome=Outcome.PASS, reason=f"{where} is at {runs}")


def in_range(wanted: str | None, version: str) -> bool:
    """Whether a version is the one that is wanted, or in the range. What is no PEP 440 version is in no range."""
    if wanted is None or wanted == version:
        return True
    try:
        return SpecifierSet(wanted, prereleases=True).contains(Version(version))
    except (InvalidSpecifier, InvalidVersion):
        return False


def _is_meant(promotion: DependsOnPromotion, one: Neighbour) -> bool:
    lane = (one.service, one.environment) == (promotion.service, promotion.environment)
    return lane and promotion.artifact in (None, one.release.artifact.module)
