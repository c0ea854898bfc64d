"""The order in which `candidates` lets the releases of a module into a stage, seen from one that waits in line."""

from collections.abc import Sequence

from msgspec import Struct

from deploydb.domain.model.admission_reasons import (
    BehindHotfix,
    BehindOrder,
    BehindPromotion,
    InLine,
    InLineBehind,
    ModuleRemoved,
    NewerIsLive,
    Pinned,
    StageRemoved,
    Vetoed,
)
from deploydb.domain.model.catalog import Order
from deploydb.domain.model.deployment import Release
from deploydb.domain.model.reasons import (
    AwaitingStages,
    BundleFirst,
    BundleWaits,
    FailedBeside,
    Reason,
    TakenBackBeside,
)

_BESIDE = (AwaitingStages, FailedBeside, TakenBackBeside, Vetoed, NewerIsLive, BundleFirst, StageRemoved, ModuleRemoved)
"""The releases that are explained so are none of those that are chosen from."""
_BEHIND = (InLine, BehindHotfix, BehindPromotion, BehindOrder, Pinned)
"""What is explained so is not chosen, but for another."""


class Waiting(Struct, frozen=True, kw_only=True):
    """A deployment of a module that waits in a lane. `ordered`: a person lets it go ahead."""

    deployment: int
    release: Release
    reason: Reason | None
    ordered: bool


def place_in_line(lane: Sequence[Waiting], deployment: int, order: Order) -> InLineBehind | None:
    """The first of those that go before a deployment, and how many they are. None where it does not wait in line.

    The chosen release goes first, whatever its age; then what people have ordered; then the others, each by age.
    `lane`: what waits there of the deployment's module.
    """
    line = sorted((one for one in lane if _is_in_line(one.reason)), key=lambda one: _turn(one, order))
    place = next((index for index, one in enumerate(line) if one.deployment == deployment), 0)
    if not place or not isinstance(line[place].reason, InLine):
        return None
    return InLineBehind(version=line[0].release.artifact.version, ahead=place)


def _is_in_line(reason: Reason | None) -> bool:
    """Whether a release with this reason is chosen from. One whose bundle has not arrived is not; one that is kept back
    by its bundle alone is the first."""
    if isinstance(reason, BundleWaits):
        return not isinstance(reason.reason, AwaitingStages)
    return reason is not None and not isinstance(reason, _BESIDE)


def _turn(one: Waiting, order: Order) -> tuple[object, ...]:
    return (isinstance(one.reason, _BEHIND), not one.ordered, one.release.order_key(order), one.deployment)
