"""`ProvenancePromotion`: somebody who is trusted vouches for this very file."""

from deploydb.domain.gates.context import GateContext
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import Attested, AwaitingAttestation, DigestMissing, Signature
from deploydb.domain.model.promotions import ProvenancePromotion


def provenance(promotion: ProvenancePromotion, context: GateContext) -> Verdict:
    """The artifact has a digest, and of each kind that is asked for an attestation of it by an allowed signer."""
    ident, digest = promotion.ident, context.deployment.release.artifact.digest
    if digest is None:
        return context.verdict(ident, GateStatus.FAIL, DigestMissing(promotion=ident))
    attestations = context.evidence.attestations
    good = [one for one in attestations if one.digest == digest and one.signer in promotion.signers]
    missing = [kind for kind in promotion.kinds if kind not in {one.kind for one in good}]
    if good and not missing:
        by = sorted({(one.signer, one.kind) for one in good})
        signatures = tuple(Signature(signer=signer, kind=kind) for signer, kind in by)
        inputs = tuple(sorted(one.event for one in good if one.event is not None))
        return context.verdict(ident, GateStatus.PASS, Attested(promotion=ident, signatures=signatures), inputs=inputs)
    others = [one for one in attestations if one not in good]
    awaiting = AwaitingAttestation(
        digest=digest,
        signers=promotion.signers,
        kinds=tuple(missing),
        strangers=tuple(sorted({one.signer for one in others if one.signer not in promotion.signers})),
        other_digest=any(one.signer in promotion.signers for one in others),
    )
    return context.verdict(ident, GateStatus.PENDING, awaiting)
