"""`WindowPromotion`: it is the right time."""

from deploydb.domain.calendar.windows import opens
from deploydb.domain.gates.context import GateContext
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import WindowClosed, WindowOpen
from deploydb.domain.model.promotions import WindowPromotion

_NAMED = 3
"""More windows than these are counted, not named."""


def window(promotion: WindowPromotion, context: GateContext) -> Verdict:
    """Inside of a window that allows, outside of those that deny. Asked again when it opens, and when it closes."""
    ident, zone = promotion.ident, promotion.zone
    opening = opens(promotion, context.now)
    if opening.is_open:
        open_ = WindowOpen(promotion=ident, zone=zone, until=opening.closes_at)
        return context.verdict(ident, GateStatus.PASS, open_, recheck_at=opening.closes_at)
    windows = opening.denied_by or promotion.allow
    closed = WindowClosed(
        promotion=ident,
        zone=zone,
        denied=bool(opening.denied_by),
        windows=tuple(windows[:_NAMED]),
        count=len(windows),
        opens_at=opening.opens_at,
    )
    return context.verdict(ident, GateStatus.PENDING, closed, recheck_at=opening.opens_at)
