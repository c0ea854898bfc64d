"""The slider of the matrix: a tick a deployment, from the oldest of those around the moment to now."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from deploydb.query.pages.filters import absolute, moment, stamp

_SECOND = timedelta(seconds=1)


class Tick(Struct, frozen=True, kw_only=True):
    """The deployments that came to run in a second, with its time, and the address of the page then. The last of all is
    now, which has none."""

    address: str
    text: str
    time: str | None = None


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
    there = {second: address(at=stamp(second)) for second in texts if second <= now}
    if not there:
        return None
    ticks = [Tick(address=there[second], text=_at(second, *texts[second]), time=second.isoformat()) for second in there]
    chosen = len(ticks)
    if reference is not None:
        chosen = sum(second <= reference for second in there) - 1
        if chosen < 0:
            ticks.insert(
                0, Tick(address=address(), text=_at(reference, "before these deployments"), time=reference.isoformat())
            )
            chosen = 0
    earlier = [link for second, link in there.items() if reference is None or second < reference]
    later = [link for second, link in there.items() if reference is not None and second > reference]
    return Slider(
        ticks=[*ticks, Tick(address=address(at=None, known_at=None, compare=None), text="now")],
        chosen=chosen,
        previous=earlier[-1] if earlier else None,
        next=later[0] if later else None,
    )


def _whole(since: datetime) -> datetime:
    """The first whole second from a time on."""
    return since if not since.microsecond else since.replace(microsecond=0) + _SECOND


def _at(second: datetime, first: str, *others: str) -> str:
    return f"{first}{', and others' if others else ''}, {absolute(second.isoformat())}"
