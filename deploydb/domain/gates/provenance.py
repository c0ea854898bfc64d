"""`ProvenancePromotion`: somebody who is trusted vouches for this very file."""

from collections.abc import Sequence

from deploydb.domain.gates.context import GateContext
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.evidence import Attestation
from deploydb.domain.model.gate_reasons import Attested, AwaitingAttestation, DigestMissing
from deploydb.domain.model.promotions import ProvenancePromotion
from deploydb.domain.model.reason_parts import Signature


def provenance(promotion: ProvenancePromotion, context: GateContext) -> Verdict:
    """The artifact has a digest, and of each kind that is asked for an attestation of it by an allowed signer."""
    ident, digest = promotion.ident, context.deployment.release.artifact.digest
    if digest is None:
        return Verdict(promotion=ident, outcome=GateStatus.FAIL, reason=DigestMissing(promotion=ident))
    good = _good(promotion, context)
    missing = _missing(promotion, good)
    if good and not missing:
        by = tuple(
            Signature(signer=signer, kind=kind) for signer, kind in sorted({(one.signer, one.kind) for one in good})
        )
        inputs = tuple(sorted(one.event for one in good if one.event is not None))
        reason = Attested(promotion=ident, signatures=by)
        return Verdict(promotion=ident, outcome=GateStatus.PASS, reason=reason, inputs=inputs)
    others = [one for one in context.evidence.attestations if one not in good]
    awaiting = AwaitingAttestation(
        digest=digest,
        signers=promotion.signers,
        kinds=tuple(missing),
        strangers=tuple(sorted({one.signer for one in others if one.signer not in promotion.signers})),
        other_digest=any(one.signer in promotion.signers for one in others),
    )
    return Verdict(promotion=ident, outcome=GateStatus.PENDING, reason=awaiting)


def _good(promotion: ProvenancePromotion, context: GateContext) -> list[Attestation]:
    digest = context.deployment.release.artifact.digest
    return [one for one in context.evidence.attestations if one.digest == digest and one.signer in promotion.signers]


def _missing(promotion: ProvenancePromotion, good: Sequence[Attestation]) -> list[str]:
    return [kind for kind in promotion.kinds if kind not in {one.kind for one in good}]
