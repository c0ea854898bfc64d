"""`ExpressionPromotion`: a CEL expression is true."""

from typing import Any

from deploydb.domain.gates.context import GateContext
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import ExpressionFalse, ExpressionTrue, ExpressionUnknown
from deploydb.domain.model.promotions import ExpressionPromotion


def expression(promotion: ExpressionPromotion, asked: GateContext) -> Verdict:
    """True passes. False waits, since time or another attempt may change it; what cannot be told is an ERROR."""
    ident, again = promotion.ident, asked.now + promotion.interval
    try:
        holds = promotion.rule(variables(asked))
    except ValueError as error:
        unknown = ExpressionUnknown(promotion=ident, error=str(error))
        return Verdict(promotion=ident, outcome=GateStatus.ERROR, reason=unknown, recheck_at=again)
    if holds is True:
        true = ExpressionTrue(promotion=ident, expression=promotion.expression)
        return Verdict(promotion=ident, outcome=GateStatus.PASS, reason=true)
    reason = ExpressionFalse(promotion=ident, expression=promotion.expression)
    return Verdict(promotion=ident, outcome=GateStatus.PENDING, reason=reason, recheck_at=again)


def variables(asked: GateContext) -> dict[str, Any]:
    """What an expression may speak of. Times are datetimes; what is not known is an empty text."""
    known = asked.deployment
    artifact = known.release.artifact
    return {
        "service": known.service,
        "environment": known.environment,
        "artifact": {
            "group": artifact.group,
            "name": artifact.name,
            "version": artifact.version,
            "url": artifact.url or "",
            "digest": artifact.digest or "",
            "commit": artifact.commit or "",
            "published_at": known.release.published_at,
            "published_by": known.release.published_by,
        },
        "flow": {"id": known.flow or 0},
        "deployment": {
            "id": known.id,
            "attempt": known.attempt,
            "kind": known.kind,
            "status": str(known.status),
            "since": asked.since or asked.now,
        },
        "now": asked.now,
    }
