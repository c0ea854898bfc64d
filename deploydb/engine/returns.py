"""Which releases run again after another one: the reference of what the store looks up in its live intervals."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from deploydb.domain.evaluation.decisions import Return
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.running import CurrentVersion


def returns(
    opened: Iterable[Deployment],
    running: Mapping[tuple[str, str], CurrentVersion],
    deployments: Iterable[Deployment],
    known_at: Mapping[int, Mapping[datetime, datetime]],
) -> dict[int, Return]:
    """By open deployment. `deployments`: all of the service; `known_at`: of each the times at which it came to
    run, and when that was recorded."""
    found: dict[int, Return] = {}
    for known in opened:
        ran = running.get((known.environment, known.release.artifact.module))
        if known.live_at is None or ran is None or ran.deployment == known.id or ran.release.id != known.release.id:
            continue
        lived = [
            (at, heard, one.release.id == known.release.id)
            for one in deployments
            if (one.environment, one.release.artifact.module) == (known.environment, known.release.artifact.module)
            for at, heard in _lived(one, known_at.get(one.id, {}))
        ]
        others = [(at, heard) for at, heard, own in lived if not own and known.live_at < at < ran.live_at]
        if not others:
            continue
        left_at, heard_at = max(others)
        back = [max(at, heard) for at, heard, own in lived if own and at > left_at]
        if back:  # else what runs is not known here: a snapshot has its return
            found[known.id] = Return(left_at=left_at, since=max(min(back), heard_at))
    return found


def _lived(one: Deployment, known_at: Mapping[datetime, datetime]) -> Iterable[tuple[datetime, datetime]]:
    """When a deployment came to run, and when that was recorded, as far as it is known here."""
    times = {at for at in (one.live_at, one.live_again_at) if at is not None} | known_at.keys()
    return ((at, known_at.get(at, at)) for at in times)
