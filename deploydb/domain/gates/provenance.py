"""`ProvenancePromotion`: a trusted signer vouches for this very file."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from deploydb.domain.gate_wording import attestation_text
from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import Checks, Names, Promotion, Requirement
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import Attested, AwaitingAttestation, DigestMissing, Signature


class ProvenancePromotion(Promotion, frozen=True, kw_only=True):
    """Passes when a permitted signer has vouched for the artifact's digest. With `kinds`, once for each of them."""

    types: ClassVar[Names] = ("ProvenancePromotion",)
    asks_provenance: ClassVar[bool] = True

    signers: Annotated[Names, Meta(description="The signers that may vouch for it.", extra_json_schema={"minItems": 1})]
    kinds: Annotated[
        Names, Meta(description="The kinds of attestations that are needed, such as signature. By default any.")
    ] = ()

    def check(self, checks: Checks) -> None:
        if not self.signers:
            checks.problem(("signers",), "name at least one signer")
        checks.once(("signers",), self.signers)
        checks.once(("kinds",), self.kinds)

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        """The artifact has a digest, and of each kind that is asked for an attestation of it by an allowed signer."""
        ident, digest = self.ident, context.deployment.release.artifact.digest
        if digest is None:
            return context.verdict(ident, GateStatus.FAIL, DigestMissing(promotion=ident))
        attestations = context.evidence.attestations
        good = [one for one in attestations if one.digest == digest and one.signer in self.signers]
        missing = [kind for kind in self.kinds if kind not in {one.kind for one in good}]
        if good and not missing:
            by = sorted({(one.signer, one.kind) for one in good})
            attested = Attested(promotion=ident, signatures=tuple(Signature(signer=who, kind=kind) for who, kind in by))
            inputs = tuple(sorted(one.event for one in good if one.event is not None))
            return context.verdict(ident, GateStatus.PASS, attested, inputs=inputs)
        uncounted = [one for one in attestations if one not in good]
        awaiting = AwaitingAttestation(
            digest=digest,
            signers=self.signers,
            kinds=tuple(missing),
            strangers=tuple(sorted({one.signer for one in uncounted if one.signer not in self.signers})),
            other_digest=any(one.signer in self.signers for one in uncounted),
        )
        return context.verdict(ident, GateStatus.PENDING, awaiting)

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        match verdict.reason:
            case DigestMissing():
                return None
            case AwaitingAttestation() as awaiting:
                return Requirement(kind="other", text=attestation_text(awaiting))
            case _:
                return super().requirement(verdict, context)
