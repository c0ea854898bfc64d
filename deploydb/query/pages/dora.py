"""What the page of DORA has beside the figures: the period before, how they went, and the services in turn.

All of it is the same figures, of parts of the time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from deploydb.domain.dora import Figures
from deploydb.query.pages.filters import moment, spelled
from deploydb.query.pages.page import Answer, beside, choices
from deploydb.query.pages.svg import columns
from deploydb.query.pages.trend import Trend, trend
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import text
from deploydb.query.resources.dora import production_past
from deploydb.query.views.dora import WINDOW
from deploydb.store.queries.dora import ProductionHistory

_DAY = timedelta(days=1)
MOST_RUNS = 20_000
"""In the time asked for and the one before: the figures are made anew for each point of the lines."""
_MOST_SERVICES = 20
_ALIKE = 0.10
"""Of a figure: a smaller difference is none."""
_FEW = 5
"""Samples, below which a difference is chance."""


_SELDOM = 0.1
"""A day: below it so many days are a deployment."""


class Measure(Struct, frozen=True, kw_only=True):
    """One of the four: its number in the figures, how many samples that is made from, its words, and whether more is
    better. `is_count`: it is the number of samples itself."""

    name: str
    value: Callable[[Figures], float | None]
    samples: Callable[[Figures], int]
    spelled: Callable[[float], str]
    more_is_better: bool
    is_count: bool = False

    def is_chance(self, one: Figures, other: Figures) -> bool:
        """Whether a difference says nothing, of so few samples."""
        samples = self.samples(one), self.samples(other)
        return (max(samples) if self.is_count else min(samples)) < _FEW


MEASURES = {
    "frequency": Measure(
        name="Deployment frequency",
        value=lambda one: one.frequency.value,
        samples=lambda one: one.frequency.samples,
        spelled=lambda value: f"{value:.2f} a day" if value >= _SELDOM else f"1 in {1 / value:.0f} days",
        more_is_better=True,
        is_count=True,
    ),
    "leadTime": Measure(
        name="Lead time for changes",
        value=lambda one: one.lead_time.p50,
        samples=lambda one: one.lead_time.samples,
        spelled=spelled,
        more_is_better=False,
    ),
    "failureRate": Measure(
        name="Change failure rate",
        value=lambda one: one.failure_rate.value,
        samples=lambda one: one.failure_rate.samples,
        spelled=lambda value: f"{value:.0%}",
        more_is_better=False,
    ),
    "recovery": Measure(
        name="Recovery time",
        value=lambda one: one.recovery.p50,
        samples=lambda one: one.recovery.samples,
        spelled=spelled,
        more_is_better=False,
    ),
}


DEPLOYMENTS = "deployments"
SORT = text("sort", "By what the services are ranked, the best first.", DEPLOYMENTS, *MEASURES)


class Rank(Struct, frozen=True, kw_only=True):
    """A column by which the services are ranked. `way`: as `aria-sort` has it, where they are."""

    name: str
    address: str
    way: str | None


class Compared(Struct, frozen=True, kw_only=True):
    """A figure beside that of the period before, in words; `tone`: whether it became better."""

    words: str
    tone: str


class Going(Struct, frozen=True, kw_only=True):
    """Parts of the time, and the figures of each: `values` in the order of the parts, by the measures' names. `border`:
    where the time that is asked for begins, in hundredths."""

    border: float
    parts: Sequence[tuple[datetime, datetime]]
    values: Mapping[str, Sequence[float | None]]
    trends: Mapping[str, Trend]


def draw_dora(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    """The drawing of the days, and what the time and the one before it are compared by."""
    days = answer["days"]
    since, until = moment(answer["since"]), moment(answer["until"])
    past, _ = production_past(asked, since - (until - since))
    is_small = len(past.runs) <= MOST_RUNS
    by = asked.option("sort") or DEPLOYMENTS
    ranked = _ranked(past.between(since, until), by) if is_small and answer["service"] is None else []
    return {
        "measures": MEASURES,
        "columns": columns([day["deployments"] for day in days], [day["failures"] for day in days]),
        "most": max((day["deployments"] for day in days), default=0),
        "window": asked.option("window") or WINDOW,
        "compared": _compared(past, since, until) if is_small else {},
        "going": _going(past, since, until) if is_small else None,
        "most_runs": MOST_RUNS,
        "ranked": ranked[:_MOST_SERVICES],
        "ranks": _ranks(asked, by),
        "unranked": max(len(ranked) - _MOST_SERVICES, 0),
        **choices(asked),
    }


def _compared(past: ProductionHistory, since: datetime, until: datetime) -> dict[str, Compared]:
    before, now = past.between(past.since, since).figures(), past.between(since, until).figures()
    return {name: _in_words(one, before, now) for name, one in MEASURES.items()}


def _in_words(measure: Measure, past: Figures, present: Figures) -> Compared:
    """A difference is good or bad where there are samples enough."""
    before, now = measure.value(past), measure.value(present)
    if before is None:
        words = "nothing to compare with in the period before" if now is not None else ""
        return Compared(words=words, tone="muted")
    before_it = f"{measure.spelled(before)} in the period before"
    if now is None or abs(now - before) <= _ALIKE * max(abs(before), abs(now)):
        return Compared(
            words=f"→ much the same as {before_it}" if now is not None else f"none; {before_it}", tone="muted"
        )
    is_more = now > before
    is_better = is_more == measure.more_is_better
    arrow, word = ("↑", "up") if is_more else ("↓", "down")
    if measure.is_chance(past, present):
        return Compared(words=f"{arrow} {word} from {before_it}, of few samples", tone="muted")
    return Compared(
        words=f"{arrow} {word} from {before_it}: {'better' if is_better else 'worse'}",
        tone="good" if is_better else "bad",
    )


def _going(past: ProductionHistory, since: datetime, until: datetime) -> Going:
    """The figures of each day, week or four weeks of the time and of the one before, at most 28 of them."""
    window = until - since
    step = _DAY if window <= 14 * _DAY else 7 * _DAY if window <= 98 * _DAY else 28 * _DAY
    ends = [until - number * step for number in range(max(round(2 * window / step), 2))]
    parts = [(max(end - step, past.since), end) for end in reversed(ends) if end > past.since]
    figures = [past.between(begins, end).figures() for begins, end in parts]
    values = {name: [one.value(each) for each in figures] for name, one in MEASURES.items()}
    border = round(100 - 100 * (window / step) / len(parts), 2)
    return Going(
        border=border, parts=parts, values=values, trends={name: trend(found) for name, found in values.items()}
    )


def _ranks(asked: RequestContext, by: str) -> list[Rank]:
    columns = {DEPLOYMENTS: ("Deployments", True)}
    columns |= {name: (one.name, one.more_is_better) for name, one in MEASURES.items()}
    return [
        Rank(
            name=word,
            address=f"{beside(asked, sort=name if name != DEPLOYMENTS else None)}#services",
            way=("descending" if more_is_better else "ascending") if name == by else None,
        )
        for name, (word, more_is_better) in columns.items()
    ]


def _ranked(past: ProductionHistory, by: str) -> list[tuple[str, Figures]]:
    """The best by a measure first, or those with the most deployments; behind them those of which it is not known.
    Those of which nothing was measured are left out."""
    found: Iterable[tuple[str, Figures]] = past.figures_by_service().items()
    measured = (one for one in found if any(each.value(one[1]) is not None for each in MEASURES.values()))

    def rank(one: tuple[str, Figures]) -> tuple[bool, float, str]:
        name, figures = one
        if by == DEPLOYMENTS:
            return False, -figures.frequency.samples, name
        value = MEASURES[by].value(figures)
        sign = -1 if MEASURES[by].more_is_better else 1
        return value is None, sign * (value or 0), name

    return sorted(measured, key=rank)
