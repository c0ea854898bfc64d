"""The types of promotion: named criteria, as configured. What each of them says is in `domain.gates`."""

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from typing import Any, Literal

from msgspec import Struct

Rule = Callable[[Mapping[str, Any]], bool]
"""A compiled expression. Given its variables it says yes or no, or raises ValueError where it cannot tell."""


class NamedPromotion(Struct, frozen=True, kw_only=True):
    """The base of all promotions. `type`, of each: its class's name, or an older one that the configuration has."""

    ident: str
    description: str = ""


class ReportedPromotion(NamedPromotion, frozen=True, kw_only=True):
    """The base of those that jobs or checks answer, by reports that are kept as evidence."""

    @property
    def reported_as(self) -> tuple[str, ...]:
        """The names under which its reports come."""
        return (self.ident,)


class VerificationPromotion(ReportedPromotion, frozen=True, kw_only=True):
    """Each of the named jobs must report `passed`, within `timeout` of the deployment's finish where there is one.

    Without `jobs` there is one, of the promotion's own name.
    """

    type: str = "VerificationPromotion"
    jobs: tuple[str, ...] = ()
    timeout: timedelta | None = None

    @property
    def reported_as(self) -> tuple[str, ...]:
        return self.jobs or (self.ident,)


class ManualPromotion(NamedPromotion, frozen=True, kw_only=True):
    """`approvals` different people must say yes; one no is a no.

    With `groups` only their members count, with `distinct_groups` each for another group. Who published the artifact
    counts only with `allow_author`. After `timeout` without enough of them it is a no.
    """

    type: str = "ManualPromotion"
    approvals: int = 1
    groups: tuple[str, ...] = ()
    distinct_groups: bool = False
    allow_author: bool = True
    timeout: timedelta | None = None


class SoakPromotion(NamedPromotion, frozen=True, kw_only=True):
    """The version must have run for `duration`, verified and without an incident."""

    type: str = "SoakPromotion"
    duration: timedelta


class Window(Struct, frozen=True, kw_only=True):
    """A time that comes again, on the clocks of a zone.

    Either by the calendar: on `days` (Monday is 0; empty: every day) from `first` to `last` (both included), from
    `start` to `end` o'clock (`end` excluded; not later than `start`: it ends on the day after the one it belongs to).
    Or by `rrule` (RFC 5545, with a DTSTART of its own where it has one), each time for `duration`.
    """

    days: tuple[int, ...] = ()
    first: date | None = None
    last: date | None = None
    start: time = time(0)
    end: time = time(0)
    rrule: str | None = None
    duration: timedelta | None = None


class WindowPromotion(NamedPromotion, frozen=True, kw_only=True):
    """It must be the right time: inside of an `allow` window (any time, if there is none), outside of every `deny`."""

    type: str = "WindowPromotion"
    zone: str
    allow: tuple[Window, ...] = ()
    deny: tuple[Window, ...] = ()


class DependsOnPromotion(NamedPromotion, frozen=True, kw_only=True):
    """Another service must run, with success, in an environment: any version of it, or one in the range `version`.

    `version` is a PEP 440 specifier such as `>=2.1,<3`, or a version to the letter. `artifact` (`group:name`) says
    which module of the other service is meant, where it has several.
    """

    type: str = "DependsOnPromotion"
    service: str
    environment: str
    version: str | None = None
    artifact: str | None = None


class WebhookPromotion(ReportedPromotion, frozen=True, kw_only=True):
    """A URL must answer with the status that is expected. Asked each `interval`, at most `1 + retries` times.

    `url` and `body` may hold `{service}`, `{environment}`, `{version}`, `{deployment}` and the artifact's fields.
    """

    type: str = "WebhookPromotion"
    url: str
    method: Literal["GET", "POST"] = "GET"
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    expect: tuple[int, ...] = (200,)
    timeout: timedelta = timedelta(seconds=10)
    interval: timedelta = timedelta(seconds=30)
    retries: int = 10


class MetricPromotion(ReportedPromotion, frozen=True, kw_only=True):
    """A PromQL query must answer with a value `above` or `below` a threshold, for `for_` without a break.

    Asked of `prometheus` each `interval`. `query` may hold what a webhook's URL may. After `timeout` it is a no.
    """

    type: str = "MetricPromotion"
    prometheus: str
    query: str
    above: float | None = None
    below: float | None = None
    for_: timedelta = timedelta(0)
    interval: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(hours=1)


class ExpressionPromotion(NamedPromotion, frozen=True, kw_only=True):
    """A CEL expression must be true. Where only time can make it so, it is asked again each `interval`."""

    type: str = "ExpressionPromotion"
    expression: str
    rule: Rule
    interval: timedelta = timedelta(minutes=1)


class ProvenancePromotion(NamedPromotion, frozen=True, kw_only=True):
    """The artifact must have a digest, and for it an attestation by one of the `signers`.

    With `kinds`, one for each of them (`signature`, `slsa-provenance`…).
    """

    type: str = "ProvenancePromotion"
    signers: tuple[str, ...]
    kinds: tuple[str, ...] = ()


CheckedPromotion = WebhookPromotion | MetricPromotion
"""What `workers.verify` asks somebody else; the answer comes back as a fact."""

_OfOthers = VerificationPromotion | ManualPromotion | DependsOnPromotion | CheckedPromotion
Promotion = _OfOthers | SoakPromotion | WindowPromotion | ExpressionPromotion | ProvenancePromotion

FREEZE = "freeze"
"""The name under which people of the right groups say yes to passing a freeze: no promotion may have it."""
INCIDENT = "incident"
"""The name under which an incident counts as a failed gate, where it is configured to."""
RESERVED = (FREEZE, INCIDENT)
