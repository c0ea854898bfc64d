"""Which evidence answers a gate before a deployment, and which after it, where both sides ask for the same.

Evidence from before the deployment came to run answers for its entry, later evidence for its exit. Evidence that has
passed an entry gate never counts again, at any time of its source. A further attempt takes over the entry's evidence of
those before it, and the approvals of its exit: no person is asked twice for the same file in the same lane. Jobs that
check what runs are: it is another deployment.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec.structs import replace

from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.evidence import Approval, Evidence, Verification
from deploydb.domain.model.promotions import FREEZE


def answered_under(promotions: Iterable[Promotion]) -> frozenset[str]:
    """The names under which jobs report and people speak for some promotions: people for each that cannot tell, too."""
    return frozenset(name for promotion in promotions for name in (promotion.ident, *promotion.reported_as))


def of_exit(
    evidence: Evidence,
    deployment: Deployment,
    entry: Collection[str],
    used: Collection[int] = (),
    earlier: Iterable[tuple[Deployment, Evidence]] = (),
) -> Evidence:
    """What counts of a deployment that runs. `entry`: the names that its entry asks for, too; `used`: the log rows by
    which its entry was judged. Of `earlier` attempts the approvals that were given count, but for a refusal after
    them."""

    def counts(word: Verification | Approval, known: Deployment) -> bool:
        ran = known.live_at or known.reported_live_at
        if word.event is not None and word.event in used:
            return False
        return word.promotion not in entry or (ran is not None and word.at.time >= ran)

    reports = [one for one in evidence.verifications if counts(one, deployment)]
    words = [one for one in evidence.approvals if counts(one, deployment)]
    for known, before in earlier:
        words += (one for one in before.approvals if one.given and counts(one, known))
    return _only(evidence, reports, words)


def of_entry(evidence: Evidence, earlier: Iterable[tuple[Deployment, Evidence]], entry: Collection[str]) -> Evidence:
    """The evidence that counts for entry: of the deployment, and of its `earlier` attempts until each was over, under
    the names of `entry`, or to pass a freeze."""
    reports, words = [*evidence.verifications], [*evidence.approvals]
    for deployment, before in earlier:
        until = deployment.finished.time if deployment.finished is not None else None
        reports += (one for one in before.verifications if one.promotion in entry and _by(one, until))
        words += (one for one in before.approvals if one.promotion in (*entry, FREEZE) and _by(one, until))
    return _only(evidence, reports, words)


def _by(word: Verification | Approval, until: datetime | None) -> bool:
    return until is None or word.at.time < until


def _only(evidence: Evidence, reports: Iterable[Verification], words: Iterable[Approval]) -> Evidence:
    return replace(evidence, verifications=tuple(reports), approvals=tuple(words))
