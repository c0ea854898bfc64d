"""`MetricPromotion`: a Prometheus query is on the right side of a threshold."""

import math
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from deploydb.domain.formatting import in_words, instant
from deploydb.domain.gates.checked import IN_PLACES, Check, CheckedPromotion, Judged, check_template, check_url, quoted
from deploydb.domain.gates.promotion import Checks, Names
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.requests import Answer, NoAnswer, Request
from deploydb.domain.promql import promql

_LIMIT_BYTES = 1024 * 1024
_EMPTY, _NAN = "the query gives no value", "the query gives NaN"
_NO_VALUES = (_EMPTY, _NAN)
_NO_ANSWER = "no answer: "
"""How the key of a report begins that is no answer."""


class MetricPromotion(CheckedPromotion, frozen=True, kw_only=True, rename={"for_": "for"}):
    """Passes when a PromQL query is above or below a threshold, for a time without a break. After the timeout a value
    on the wrong side has failed; no answer is an error."""

    types: ClassVar[Names] = ("MetricPromotion",)

    prometheus: Annotated[str, Meta(max_length=8192, description="Its address, such as http://prometheus:9090.")]
    query: Annotated[
        str, Meta(max_length=8192, description=f"A PromQL query with one value. {IN_PLACES} Each within a string.")
    ]
    above: Annotated[float | None, Meta(description="The value must be greater than this.")] = None
    below: Annotated[float | None, Meta(description="The value must be less than this.")] = None
    for_: Annotated[timedelta, Meta(description="How long without a break.")] = timedelta(0)
    timeout: Annotated[
        timedelta, Meta(description="How long it may take; then a value on the wrong side has failed.")
    ] = timedelta(hours=1)
    no_value: Annotated[
        Literal["error", "pass", "fail"],
        Meta(description="What an empty result or NaN is: no answer, or a value on the right or on the wrong side."),
    ] = "error"

    @property
    def address(self) -> str:
        return self.prometheus

    @property
    def patience(self) -> timedelta:
        return self.timeout

    def check(self, checks: Checks) -> None:
        super().check(checks)
        check_url(checks, ("prometheus",), self.prometheus)
        check_template(checks, ("query",), promql(self.query))
        if self.above is None and self.below is None:
            checks.problem((), "write what the value must be: above: or below:")
        if self.timeout <= self.for_:
            checks.problem(("timeout",), "must be longer than `for`, or it never can pass")

    def request(self, deployment: Deployment) -> Request:
        """Its query, of now, each value written for where it stands."""
        query = urlencode({"query": promql(self.query).fill(deployment)})
        url = f"{self.prometheus.rstrip('/')}/api/v1/query?{query}"
        return Request(url=url, timeout=self.answer_within, limit_bytes=_LIMIT_BYTES)

    def judge(self, check: Check, answer: Answer | NoAnswer, now: datetime) -> Judged:
        """A value on the right side passes once it has been there for `for_`; what is not known is a break.

        So is a time without a check, as long as the interval or longer. After the timeout only an answer fails: one
        that comes back later has to be on the right side at once, and then has `for_`.
        """
        value, wanted, over_at = _value(answer), self._wanted(), check.created_at + self.timeout
        late, shown = now >= over_at, f"{value:g}" if isinstance(value, float) else value
        holds = self._is_right(value)
        if holds is None:
            key, due = f"{_NO_ANSWER}{shown}", now + self.interval if late else min(now + self.interval, over_at)
            return Judged(outcome="errored", reason=shown, last_report_key=key, due_at=due)
        lasting = f" for {in_words(self.for_)}" if self.for_ else ""
        since = None
        if holds:
            unbroken = check.condition_since is not None and check.late < max(self.interval, timedelta(seconds=1))
            since = check.condition_since if unbroken and check.condition_since is not None else now
            if now - since >= self.for_:
                return Judged(outcome="passed", reason=f"{shown}, {wanted}{lasting}", last_report_key="passed")
            key = f"{wanted} since {instant(since)}, must stay so{lasting}"
            reason, last = key, f"{shown} at last, {key}"
            due = min(now + self.interval, since + self.for_)
            came_back = (check.last_report_key or "").startswith(_NO_ANSWER)
            late = late and not came_back and (since < over_at or since == now)
        else:
            key = f"not {wanted}"
            reason = f"{shown} at {instant(now)}, must be {wanted}{lasting}"
            last, due = f"{shown} at last, must be {wanted}", now + self.interval
        if late:
            failed = f"not within {in_words(self.timeout)}: {last}"
            return Judged(outcome="failed", reason=failed, last_report_key="failed")
        due = due if now >= over_at else min(due, over_at)
        return Judged(outcome="pending", reason=reason, last_report_key=key, due_at=due, condition_since=since)

    def _is_right(self, value: float | str) -> bool | None:
        """Whether the value is on the right side; None: it is not known."""
        if isinstance(value, float):
            return self._holds(value)
        return self.no_value == "pass" if value in _NO_VALUES and self.no_value != "error" else None

    def _holds(self, value: float) -> bool:
        return (self.above is None or value > self.above) and (self.below is None or value < self.below)

    def _wanted(self) -> str:
        sides = (("above", self.above), ("below", self.below))
        return " and ".join(f"{side} {limit:g}" for side, limit in sides if limit is not None)


class _Result(Struct, frozen=True):
    resultType: str = ""  # noqa: N815  # Prometheus' name
    result: msgspec.Raw = msgspec.Raw(b"null")


class _Body(Struct, frozen=True):
    """https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview"""

    status: str = ""
    data: _Result = _Result()
    error: str = ""


class _Element(Struct, frozen=True):
    value: tuple[float, str]


_bodies = msgspec.json.Decoder(_Body)
_vectors = msgspec.json.Decoder(list[_Element])
_scalars = msgspec.json.Decoder(tuple[float, str])


def _value(answer: Answer | NoAnswer) -> float | str:
    """The one value that a Prometheus has answered, or why there is none."""
    if isinstance(answer, NoAnswer):
        return f"Prometheus: {answer.reason}"
    if not answer.complete:
        return f"Prometheus: the answer is longer than {_LIMIT_BYTES // 1024} KiB"
    try:
        body = _bodies.decode(answer.body)
        if body.status != "success":
            return f"Prometheus: {answer.status}" + (f": {quoted(body.error.encode())}" if body.error else "")
        match body.data.resultType:
            case "scalar":
                values = [_scalars.decode(body.data.result)[1]]
            case "vector":
                values = [element.value[1] for element in _vectors.decode(body.data.result)]
            case other:
                return f"the query gives a {other}, expected one value"
        if not values:
            return _EMPTY
        if len(values) > 1:
            return f"the query gives {len(values)} values, expected one: aggregate them, such as by sum()"
        value = float(values[0])
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return f"Prometheus: {answer.status}, and no answer of its API"
    return _NAN if math.isnan(value) else value
