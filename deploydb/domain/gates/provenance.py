"""`ProvenancePromotion`: somebody who is trusted vouches for this very file."""

from collections.abc import Sequence

from deploydb.domain.evidence import Attestation
from deploydb.domain.gates.asked import Asked
from deploydb.domain.gates.words import listed
from deploydb.domain.promotions import ProvenancePromotion
from deploydb.domain.state import Outcome, Verdict


def provenance(promotion: ProvenancePromotion, asked: Asked) -> Verdict:
    """The artifact has a digest, and of each kind that is asked for an attestation of it by an allowed signer."""
    ident, digest = promotion.ident, asked.deployment.release.artifact.digest
    if digest is None:
        reason = f"{ident}: the artifact was published without a digest, so nobody can vouch for it"
        return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=reason)
    good = _good(promotion, asked)
    missing = _missing(promotion, good)
    if good and not missing:
        by = listed(sorted({f"{one.signer} ({one.kind})" for one in good}))
        inputs = tuple(sorted(one.event for one in good if one.event is not None))
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=f"{ident}: attested by {by}", inputs=inputs)
    reason = f"waits for {wanted(promotion, asked)}"
    others = [one for one in asked.evidence.attestations if one not in good]
    strangers = sorted({one.signer for one in others if one.signer not in promotion.signers})
    if strangers:
        reason += f"; {listed(strangers)} may not vouch for it"
    if any(one.signer in promotion.signers for one in others):
        reason += "; there is one of another digest"
    return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason)


def wanted(promotion: ProvenancePromotion, asked: Asked) -> str:
    """`signature of sha256:… by ci or sre`: what is still missing for an artifact that has a digest."""
    missing = _missing(promotion, _good(promotion, asked))
    what = listed(missing) if missing else "an attestation"
    return f"{what} of {asked.deployment.release.artifact.digest} by {listed(promotion.signers, 'or')}"


def _good(promotion: ProvenancePromotion, asked: Asked) -> list[Attestation]:
    digest = asked.deployment.release.artifact.digest
    return [one for one in asked.evidence.attestations if one.digest == digest and one.signer in promotion.signers]


def _missing(promotion: ProvenancePromotion, good: Sequence[Attestation]) -> list[str]:
    return [kind for kind in promotion.kinds if kind not in {one.kind for one in good}]
