"""Which deployment a fact means that names a version in a lane: of one module, and of its attempts the right one."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from deploydb.domain.model.deployment import Status
from deploydb.domain.model.facts import AboutApproval, AboutDeployment, VerificationFinished

_ACTIVE = (Status.CREATED, Status.STARTED)


class Candidate(Struct, frozen=True, kw_only=True):
    """A deployment of the version in the lane. `external`: only a sighting, of which nothing but history is reported;
    `commanded`: it has been; `open`: promotion has something to do with it."""

    id: int
    module: str
    digest: str | None
    external: bool
    status: str
    commanded: bool
    open: bool

    @property
    def active(self) -> bool:
        """Whether it is being deployed."""
        return self.status in _ACTIVE


def target(fact: AboutDeployment, candidates: Iterable[Candidate]) -> int | None:
    """The deployment that the fact is about; None where there is none, or where several modules have the version and
    none of them is the one that is meant: a guess would let a report on one module release another one."""
    attempts: dict[str, list[Candidate]] = {}
    for one in sorted(candidates, key=lambda one: one.id):
        if one.external == bool(fact.historical) and fact.artifact in (None, one.module):
            attempts.setdefault(one.module, []).append(one)
    checks = isinstance(fact, VerificationFinished | AboutApproval)
    found = [_attempt(of_module, checks=checks) for of_module in attempts.values()]
    if len(found) > 1:
        found = _meant(fact, found, checks=checks)
    return found[0].id if len(found) == 1 else None


def modules(candidates: Iterable[Candidate], *, external: bool = False) -> list[str]:
    """The modules that have the version in the lane: those that a flow has brought there, or the external ones."""
    return sorted({one.module for one in candidates if one.external == external})


def _attempt(attempts: Sequence[Candidate], *, checks: bool) -> Candidate:
    """Of one module's attempts: the active one; else the last that was commanded, for checks while it is open."""
    active = [one for one in attempts if one.active]
    commanded = [one for one in attempts if one.commanded and one.status != Status.SKIPPED and (one.open or not checks)]
    return (active or commanded or attempts)[-1]


def _meant(fact: AboutDeployment, found: Sequence[Candidate], *, checks: bool) -> list[Candidate]:
    """Of several modules those that the fact may mean: the file that a person has seen, else what is commanded and
    active; for checks what is commanded and open."""
    digest = fact.digest if isinstance(fact, AboutApproval) else None
    if digest is not None:
        return [one for one in found if one.digest == digest]
    if isinstance(fact, AboutApproval):
        return [one for one in found if one.open]
    return [one for one in found if one.commanded and (one.active or (checks and one.open))]
