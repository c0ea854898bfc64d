"""The slider of the matrix: a tick a deployment, from the oldest of those around the moment to now."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from deploydb.query.pages.filters import moment

_SECOND = timedelta(seconds=1)


class Tick(Struct, frozen=True, kw_only=True):
    """The first second in which a deployment ran, as `at` of an address; and the deployments that came to run then.
    Now, which has none, is the last of all."""

    at: str
    text: str


class Slider(Struct, frozen=True, kw_only=True):
    """`chosen`: the place of the last tick until the moment. `previous`, `next`: addresses of the times of the
    deployments beside it, where there are any."""

    ticks: Sequence[Tick]
    chosen: int
    previous: str | None
    next: str | None


def slider_of(
    starts: Sequence[Any], reference: datetime | None, now: datetime, address: Callable[..., str]
) -> Slider | None:
    """`starts`: of the body. `reference`: the moment, None for now; `address`: of the page at another time. None where
    nothing went live."""
    texts: dict[datetime, list[str]] = {}
    for one in starts:
        texts.setdefault(_whole(moment(one["since"])), []).append(
            f"{one['service']} {one['version']} in {one['environment']}"
        )
    there = [(second, _together(found)) for second, found in texts.items() if second <= now]
    if not there:
        return None
    ticks = [*(Tick(at=_written(second), text=text) for second, text in there), Tick(at="", text="now")]
    chosen = len(ticks) - 1
    if reference is not None:
        chosen = max((place for place, (second, _) in enumerate(there) if second <= reference), default=0)
    earlier = [second for second, _ in there if reference is None or second < reference]
    later = [second for second, _ in there if reference is not None and second > reference]
    return Slider(
        ticks=ticks,
        chosen=chosen,
        previous=address(at=_written(earlier[-1])) if earlier else None,
        next=address(at=_written(later[0])) if later else None,
    )


def _whole(since: datetime) -> datetime:
    """The first whole second from a time on."""
    return since if not since.microsecond else since.replace(microsecond=0) + _SECOND


def _together(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{texts[0]}, and {len(texts) - 1} more"


def _written(second: datetime) -> str:
    return f"{second:%Y-%m-%dT%H:%M:%SZ}"
