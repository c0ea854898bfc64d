"""The circular waits that a deployment on its way is in."""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from deploydb.domain.circular_waits import circular_waits
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.reasons import CircularWait
from deploydb.store.queries.deployments import DeploymentView

_FOUND: WeakKeyDictionary[Catalog, tuple[CircularWait, ...]] = WeakKeyDictionary()


def circles_of(catalog: Catalog, way: Sequence[DeploymentView]) -> list[CircularWait]:
    """The circles with a gate that a deployment on the way has not passed."""
    if catalog not in _FOUND:
        _FOUND[catalog] = tuple(CircularWait(waits=waits) for waits in circular_waits(catalog))
    return [
        circle
        for circle in _FOUND[catalog]
        if any(
            (wait.service, wait.environment) == (view.service, view.environment) and wait.promotion in _unmet(view)
            for wait in circle.waits
            for view in way
        )
    ]


def _unmet(view: DeploymentView) -> set[str]:
    return {result.promotion for result in view.results if result.outcome not in (None, "PASS")}
