"""`ExpressionPromotion`: a CEL expression is true."""

from typing import Any

from deploydb.domain.gates.context import GateContext
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import ExpressionFalse, ExpressionTrue, ExpressionUnknown
from deploydb.domain.model.promotions import ExpressionPromotion


def expression(promotion: ExpressionPromotion, context: GateContext) -> Verdict:
    """True passes. False waits, since time or another attempt may change it; an unknown value is an ERROR."""
    ident, again = promotion.ident, context.now + promotion.interval
    try:
        holds = promotion.rule(variables(context))
    except ValueError as error:
        return context.verdict(ident, GateStatus.ERROR, ExpressionUnknown(promotion=ident, error=str(error)), again)
    if holds is True:
        return context.verdict(ident, GateStatus.PASS, ExpressionTrue(promotion=ident, expression=promotion.expression))
    false = ExpressionFalse(promotion=ident, expression=promotion.expression)
    return context.verdict(ident, GateStatus.PENDING, false, again)


def variables(context: GateContext) -> dict[str, Any]:
    """What an expression may speak of. Times are datetimes; what is not known is an empty text."""
    deployment = context.deployment
    artifact = deployment.release.artifact
    return {
        "service": deployment.service,
        "environment": deployment.environment,
        "artifact": {
            "group": artifact.group,
            "name": artifact.name,
            "version": artifact.version,
            "url": artifact.url or "",
            "digest": artifact.digest or "",
            "commit": artifact.commit or "",
            "published_at": deployment.release.published_at,
            "published_by": deployment.release.published_by,
        },
        "flow": {"id": deployment.flow or 0},
        "deployment": {
            "id": deployment.id,
            "attempt": deployment.attempt,
            "kind": deployment.kind,
            "status": str(deployment.status),
            "since": context.since or context.now,
        },
        "now": context.now,
    }
