"""The place of a release in its line, by what is explained of the others."""

import pytest

from deploydb.domain.evaluation.line import Waiting, place_in_line
from deploydb.domain.model.admission_reasons import (
    BeingDeployed,
    InLine,
    InLineBehind,
    ModuleRemoved,
    NewerIsLive,
    StageRemoved,
)
from deploydb.domain.model.reasons import AwaitingStages, BundleFirst, BundleWaits, Reason
from tests.domain.given import release

AWAITS = AwaitingStages(environments=("dev",), all=True)
CHOSEN = BeingDeployed(version="0.9", deployment=1)


def waiting(number: int, reason: Reason | None) -> Waiting:
    return Waiting(deployment=number, release=release(f"1.{number}", published=number), reason=reason, ordered=False)


@pytest.mark.parametrize(
    "beside",
    [
        None,
        AWAITS,
        BundleWaits(module="m", version="1", reason=AWAITS),
        BundleFirst(module="m", version="1"),
        StageRemoved(environment="dev", service="foo"),
        ModuleRemoved(module="m", service="foo"),
        NewerIsLive(environment="dev", version="9", higher=False),
    ],
)
def test_what_is_not_chosen_from_is_before_none(beside: Reason | None) -> None:
    lane = [waiting(1, beside), waiting(2, CHOSEN), waiting(3, InLine())]
    assert place_in_line(lane, 3, "published") == InLineBehind(version="1.2", ahead=1)


def test_what_its_bundle_keeps_back_is_the_first() -> None:
    kept = BundleWaits(module="m", version="1", reason=CHOSEN)
    lane = [waiting(1, InLine()), waiting(2, kept), waiting(3, InLine())]
    assert place_in_line(lane, 3, "published") == InLineBehind(version="1.2", ahead=2)


def test_the_chosen_one_waits_behind_none() -> None:
    assert place_in_line([waiting(1, InLine()), waiting(2, CHOSEN)], 2, "published") is None
