"""Promotions as requests, and what comes back as answers to them: of any web server, and of a Prometheus."""

import math
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from deploydb.domain import templates
from deploydb.domain.checks import Missing, Sample, Status
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.promotions import MetricPromotion, WebhookPromotion
from deploydb.domain.promql import promql
from deploydb.domain.unsafe_characters import visible
from deploydb.egress import Answer, NoAnswer, Request

QUOTED_BYTES = 1024
PROMETHEUS_TIMEOUT = timedelta(seconds=10)
PROMETHEUS_BYTES = 1024 * 1024


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


def webhook_request(promotion: WebhookPromotion, known: Deployment) -> Request:
    """The promotion's URL and body for a deployment, each value written for where it stands."""
    body = None if promotion.body is None else templates.body(promotion.body, promotion.headers).fill(known)
    return Request(
        url=templates.url(promotion.url).fill(known),
        method=promotion.method,
        body=body,
        headers=promotion.headers,
        timeout=promotion.timeout,
    )


def metric_request(promotion: MetricPromotion, known: Deployment) -> Request:
    """The promotion's query, of now, each value written for where it stands."""
    query = urlencode({"query": promql(promotion.query).fill(known)})
    return Request(
        url=f"{promotion.prometheus.rstrip('/')}/api/v1/query?{query}",
        timeout=PROMETHEUS_TIMEOUT,
        limit_bytes=PROMETHEUS_BYTES,
    )


def host_of(request: Request) -> str:
    try:
        return urlsplit(request.url).hostname or ""
    except ValueError:
        return ""  # it will not be asked, and says so


def status_of(answer: Answer | NoAnswer) -> Status | Missing:
    """The response of a webhook."""
    if isinstance(answer, NoAnswer):
        return Missing(reason=answer.reason, asked=answer.asked)
    return Status(code=answer.status, text=quoted(answer.body))


def sample_of(answer: Answer | NoAnswer) -> Sample | Missing:
    """The one value that a Prometheus has answered."""
    if isinstance(answer, NoAnswer):
        return Missing(reason=f"Prometheus: {answer.reason}", asked=answer.asked)
    if not answer.complete:
        return Missing(reason=f"Prometheus: the answer is longer than {PROMETHEUS_BYTES // 1024} KiB")
    try:
        body = _bodies.decode(answer.body)
        if body.status != "success":
            detail = f": {quoted(body.error.encode())}" if body.error else ""
            return Missing(reason=f"Prometheus: {answer.status}{detail}")
        return _value(body.data)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return Missing(reason=f"Prometheus: {answer.status}, and no answer of its API")


def quoted(body: bytes) -> str:
    """The beginning of a body, as one line of text that a log and a terminal can bear."""
    text = body[:QUOTED_BYTES].decode("utf-8", errors="replace").strip()
    return visible(text, keep="")


def _value(data: _Result) -> Sample | Missing:
    match data.resultType:
        case "scalar":
            values = [_scalars.decode(data.result)[1]]
        case "vector":
            values = [element.value[1] for element in _vectors.decode(data.result)]
        case other:
            return Missing(reason=f"the query gives a {other}, expected one value")
    if not values:
        return Missing(reason="the query gives no value")
    if len(values) > 1:
        return Missing(reason=f"the query gives {len(values)} values, expected one: aggregate them, such as by sum()")
    value = float(values[0])
    return Missing(reason="the query gives NaN") if math.isnan(value) else Sample(value=value)
