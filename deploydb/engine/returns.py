"""Which releases run again after another one: the reference of what the store looks up in its live intervals."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from deploydb.domain.evaluation.decisions import Return
from deploydb.domain.model.deployment import CurrentVersion, Deployment


def returns(
    opened: Iterable[Deployment],
    running: Mapping[tuple[str, str], CurrentVersion],
    deployments: Iterable[Deployment],
    known_at: Mapping[int, datetime],
) -> dict[int, Return]:
    """By open deployment. `deployments`: all of the service; `known_at`: when it was known that each came to run."""
    found: dict[int, Return] = {}
    for known in opened:
        ran = running.get((known.environment, known.release.artifact.module))
        if known.live_at is None or ran is None or ran.deployment == known.id or ran.release.id != known.release.id:
            continue
        lived = [
            (one.live_at, known_at.get(one.id, one.live_at), one.release.id == known.release.id)
            for one in deployments
            if one.live_at is not None
            and (one.environment, one.release.artifact.module) == (known.environment, known.release.artifact.module)
        ]
        others = [(at, heard) for at, heard, own in lived if not own and known.live_at < at < ran.live_at]
        if not others:
            continue
        left_at, heard_at = max(others)
        back = [max(at, heard) for at, heard, own in lived if own and at > left_at]
        if back:  # else what runs is not known here: a snapshot has its return
            found[known.id] = Return(left_at=left_at, since=max(min(back), heard_at))
    return found
