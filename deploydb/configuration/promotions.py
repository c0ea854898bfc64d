"""Documents → promotions, with the checks that a schema cannot express."""

import re
from datetime import timedelta
from typing import assert_never

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from deploydb.configuration.building import URL, Known, built, once, refer
from deploydb.configuration.criteria import (
    DependsOnDocument,
    ManualDocument,
    MetricDocument,
    PromotionDocument,
    ProvenanceDocument,
    SoakDocument,
    VerificationDocument,
    WebhookPromotionDocument,
)
from deploydb.configuration.expressions import ExpressionDocument, build_expression
from deploydb.configuration.problems import suggestion
from deploydb.configuration.source import Path, Source
from deploydb.configuration.windows import WindowPromotionDocument, build_window_promotion
from deploydb.domain import templates
from deploydb.domain.gates.formatting import in_words
from deploydb.domain.model.promotions import (
    RESERVED,
    DependsOnPromotion,
    ManualPromotion,
    MetricPromotion,
    Promotion,
    ProvenancePromotion,
    SoakPromotion,
    VerificationPromotion,
    WebhookPromotion,
)
from deploydb.domain.promql import promql
from deploydb.domain.templates import PLACES, Template, unknown_places

_RANGE_SIGNS = "<>=!~"
_LONGEST_ANSWER = timedelta(minutes=5)
_SHORTEST_INTERVAL = timedelta(seconds=1)


def build_promotion(source: Source, ident: str, document: PromotionDocument, known: Known) -> Promotion:
    """Build a promotion; its problems go to `source.problems`."""
    if ident in RESERVED:
        source.problem((), f"{ident} is DeployDB's own word for a gate: give the promotion another name")
    match document:
        case VerificationDocument():
            jobs = once(source, ("jobs",), document.jobs)
            return built(VerificationPromotion, ident, document, type=document.type_, jobs=jobs)
        case ManualDocument():
            return _manual(source, ident, document, known)
        case SoakDocument():
            return built(SoakPromotion, ident, document)
        case WindowPromotionDocument():
            return build_window_promotion(source, ident, document)
        case DependsOnDocument():
            return _depends_on(source, ident, document, known)
        case WebhookPromotionDocument():
            return _webhook(source, ident, document)
        case MetricDocument():
            return _metric(source, ident, document)
        case ExpressionDocument():
            return build_expression(source, ident, document)
        case ProvenanceDocument():
            if not document.signers:
                source.problem(("signers",), "name at least one signer")
            signers, kinds = once(source, ("signers",), document.signers), once(source, ("kinds",), document.kinds)
            return built(ProvenancePromotion, ident, document, signers=signers, kinds=kinds)
        case _:
            assert_never(document)


def _manual(source: Source, ident: str, document: ManualDocument, known: Known) -> ManualPromotion:
    names = refer(source, ("groups",), document.groups, "group", known.groups, "access.yml")
    if document.distinct_groups and document.approvals > len(names):
        message = f"{document.approvals} approvals of distinct groups need as many groups; there are {len(names)}"
        source.problem(("distinct_groups",), message)
    return built(ManualPromotion, ident, document, groups=names)


def _depends_on(source: Source, ident: str, document: DependsOnDocument, known: Known) -> DependsOnPromotion:
    refer(source, ("service",), [document.service], "service", known.services, f"services/{document.service}.yml")
    where = f"environments/{document.environment}.yml"
    refer(source, ("environment",), [document.environment], "environment", known.environments, where)
    if document.version is not None and document.version[:1] in _RANGE_SIGNS:
        try:
            SpecifierSet(document.version)
        except InvalidSpecifier as error:
            source.problem(("version",), f"{error}; write a version, or a range such as >=2.1,<3")
    return built(DependsOnPromotion, ident, document)


def _webhook(source: Source, ident: str, document: WebhookPromotionDocument) -> WebhookPromotion:
    _check_url(source, ("url",), document.url)
    for name in unknown_places(document.url):
        source.problem(("url",), f"there is nothing to put in the place of {{{name}}}{suggestion(name, PLACES)}")
    _check_durations(source, timeout=document.timeout, interval=document.interval)
    if document.body is not None and document.method == "GET":
        source.problem(("body",), "a GET has no body: write method: POST")
    elif document.body is not None:
        headers = [(name, value) for name, value in document.headers.items() if isinstance(value, str)]
        _check_template(source, ("body",), templates.body(document.body, headers))
    if not document.expect or not all(100 <= status <= 599 for status in document.expect):
        source.problem(("expect",), "expected statuses of HTTP, such as [200, 204]")
    for name, value in document.headers.items():
        if not name.isascii() or not isinstance(value, str) or "\n" in value or "\r" in value or ":" in name:
            source.problem(("headers", name), "is no header")
    return built(WebhookPromotion, ident, document, headers=tuple(document.headers.items()))


def _metric(source: Source, ident: str, document: MetricDocument) -> MetricPromotion:
    _check_url(source, ("prometheus",), document.prometheus)
    _check_template(source, ("query",), promql(document.query))
    _check_durations(source, interval=document.interval)
    if document.above is None and document.below is None:
        source.problem((), "write what the value must be: above: or below:")
    if document.timeout <= document.for_:
        source.problem(("timeout",), "must be longer than `for`, or it never can pass")
    return built(MetricPromotion, ident, document)


def _check_url(source: Source, at: Path, url: str) -> None:
    if not URL.fullmatch(url):
        source.problem(at, f"{url} is no http or https address")
        return
    host = re.split(r"[/?#]", url.partition("://")[2])[0]
    if "@" in host:
        source.problem(at, "has a name or a password in it: configuration is no place for secrets")
    _check_template(source, at, templates.url(url))


def _check_template(source: Source, at: Path, template: Template) -> None:
    for problem in template.problems:
        source.problem(at, problem)


def _check_durations(source: Source, **durations: timedelta) -> None:
    """Bound the timeout and the interval of a check: checks of a killed worker wait for its timeout."""
    if durations.get("timeout", _LONGEST_ANSWER) > _LONGEST_ANSWER:
        source.problem(("timeout",), f"one answer may take {in_words(_LONGEST_ANSWER)} at most")
    if durations["interval"] < _SHORTEST_INTERVAL:
        source.problem(("interval",), f"must be {in_words(_SHORTEST_INTERVAL)} at least")
