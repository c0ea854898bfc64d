"""The places of releases that wait in line: worked out for each answer, and kept nowhere."""

from collections.abc import Sequence

from deploydb.domain.model.admission_reasons import InLine, InLineBehind, NewerIsLive, Vetoed
from deploydb.domain.model.catalog import Order
from deploydb.domain.model.reasons import AwaitingStages, FailedBeside, Reason, TakenBackBeside
from deploydb.store.queries.lanes import PendingView

_BESIDE_THE_LINE = (AwaitingStages, FailedBeside, NewerIsLive, TakenBackBeside, Vetoed)


def place_in_line(pending: Sequence[PendingView], deployment: int, order: Order) -> Reason | None:
    """The first of those before a deployment that waits in line, and how many they are. None where it does not wait so.

    `pending`: what is open in its lane.
    """
    own = next((view for view in pending if view.deployment == deployment), None)
    if own is None or not isinstance(own.reason, InLine):
        return None
    before = [view for view in pending if _is_before(view, own, order)]
    if not before:
        return None
    first = min(before, key=lambda view: (view.release.order_key(order), view.deployment))
    return InLineBehind(version=first.release.artifact.version, ahead=len(before))


def _is_before(view: PendingView, own: PendingView, order: Order) -> bool:
    lines = (view.service, view.environment, view.release.artifact.module)
    same = lines == (own.service, own.environment, own.release.artifact.module)
    if not same or view.status != "NOT_STARTED" or view.kind != "deploy" or isinstance(view.reason, _BESIDE_THE_LINE):
        return False
    return view.deployment != own.deployment and view.release.order_key(order) <= own.release.order_key(order)
