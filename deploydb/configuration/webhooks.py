"""Webhooks: the lists of addresses, and those with a name and a format."""

import re
from collections.abc import Iterable, Sequence, Set
from typing import Any

from msgspec import Struct, structs

from deploydb.configuration.documents import WebhookDocument, WebhookFileDocument
from deploydb.configuration.reports import check_report
from deploydb.configuration.source import Path, Source
from deploydb.domain.formatting import listed
from deploydb.domain.model.webhooks import (
    PAGED,
    PAGERDUTY_URL,
    REPORTED,
    TYPES,
    DeploymentWebhooks,
    Endpoint,
    PromotionWebhooks,
    Webhooks,
)
from deploydb.domain.notification_templates import TemplateProblem, check
from deploydb.domain.suggestions import suggestion
from deploydb.domain.templates import address_problem

_VARIABLE = re.compile(r"DEPLOYDB_WEBHOOK_[A-Z0-9_]{1,100}")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+(; ?[a-z0-9-]+=[A-Za-z0-9._-]+){0,4}")
JSON = "application/json"
_NAMED = (
    *("url", "url_from", "types", "services", "environments", "secret_from", "template", "content_type"),
    *("report", "repository", "token_from"),
)


def build_endpoint(
    source: Source, ident: str, document: WebhookFileDocument, services: Set[str], environments: Set[str]
) -> Endpoint | None:
    """Build the webhook of a file that names one; its problems go to `source.problems`."""
    paged = document.format == "pagerduty"
    if not any(getattr(document, name) not in (None, []) for name in _NAMED) and document.format == "json":
        return None
    if document.url is not None and document.url_from is not None:
        source.problem(("url_from",), "url is there, too: give one of them")
    if document.url is None and document.url_from is None and not paged and document.report is None:
        source.problem((), "url or url_from is missing")
    if document.url is not None and document.report is None:
        _check_url(source, ("url",), document.url)
    if paged and len(document.secret_from) != 1:
        source.problem(("secret_from",), "pagerduty needs one: the variable with the routing key")
    variables = [
        (("url_from",), document.url_from),
        (("token_from",), document.token_from),
        *((("secret_from", at), one) for at, one in enumerate(document.secret_from)),
    ]
    for at, variable in variables:
        if variable is not None and not _VARIABLE.fullmatch(variable):
            source.problem(
                at, "is no variable for webhooks: expected DEPLOYDB_WEBHOOK_ and a name, and not the value itself"
            )
    for key, kind, known in (("services", "service", services), ("environments", "environment", environments)):
        for index, name in enumerate(getattr(document, key)):
            if name not in known:
                source.problem((key, index), f"there is no {kind} {name}{suggestion(name, known)}")
    _check_template(source, document)
    check_report(source, document)
    usual = REPORTED if document.report is not None else PAGED if paged else TYPES
    for index, type_ in enumerate(document.types or ()):
        if type_ not in usual:
            source.problem(
                ("types", index), f"{document.report or document.format} takes no {type_}: there is {listed(usual)}"
            )
    types = tuple(one for one in TYPES if one in (document.types or usual) and one in usual)
    content_type = document.content_type or JSON
    if document.format == "template" and document.template is not None and _MEDIA_TYPE.fullmatch(content_type):
        try:
            check(document.template, content_type, types)
        except TemplateProblem as problem:
            _note_in_template(source, document.template, problem)
    return Endpoint(
        ident=ident,
        url=document.url or (PAGERDUTY_URL if paged and document.url_from is None else None),
        url_from=document.url_from,
        types=types,
        services=tuple(document.services),
        environments=tuple(document.environments),
        format=document.format,
        secret_from=tuple(document.secret_from),
        template=document.template,
        content_type=content_type,
        report=document.report,
        repository=document.repository or "",
        token_from=document.token_from or "",
    )


def _check_url(source: Source, at: Path, url: str) -> None:
    problem = address_problem(url, may_have_user=True)
    if problem is not None:
        source.problem(at, problem)


def _check_template(source: Source, document: WebhookFileDocument) -> None:
    if document.format == "template":
        if document.template is None:
            source.problem((), "template is missing: the body, such as '{\"text\": {{ headline | tojson }}}'")
        if document.content_type is not None and not _MEDIA_TYPE.fullmatch(document.content_type):
            source.problem(("content_type",), f"{document.content_type} is no media type, such as {JSON}")
        return
    for key in ("template", "content_type"):
        if getattr(document, key) is not None:
            source.problem((key,), f"is for the format template alone, and this is {document.format}", key=True)


def _note_in_template(source: Source, template: str, problem: TemplateProblem) -> None:
    """At its line of the file, where the template is a block of text (`|`)."""
    line, column = source.places["template",]
    start = source.text.splitlines()[line - 1][column - 1 :]
    if start.startswith("|"):
        source.note((line + problem.line, 1), f"template {problem}")
    else:
        where = f"line {problem.line} of it: " if "\n" in template.strip() else ""
        source.problem(("template",), f"{where}{problem}")


def build_webhooks(source: Source, document: WebhookDocument | None, at: Path = ()) -> Webhooks:
    """Build webhooks; each must be an http or https address."""
    if document is None:
        return Webhooks()

    def lists(of: Struct | None, where: str) -> dict[str, Any]:
        found = {name: urls for name, urls in structs.asdict(of).items() if urls is not None} if of else {}
        for name, urls in found.items():
            for index, url in enumerate(urls):
                _check_url(source, (*at, where, name, index), url)
        return {name: tuple(urls) for name, urls in found.items()}

    return _webhooks(lists(document.deployment, "deployment"), lists(document.promotion, "promotion"))


def merge_webhooks(webhooks: Sequence[Webhooks]) -> Webhooks:
    """All lists of all files, each address once."""

    def merged(parts: Iterable[Struct | None]) -> dict[str, Any]:
        found: dict[str, dict[str, None]] = {}
        for part in parts:
            for name, urls in (structs.asdict(part) if part else {}).items():
                if urls is not None:
                    found.setdefault(name, {}).update(dict.fromkeys(urls))
        return {name: tuple(urls) for name, urls in found.items()}

    return _webhooks(merged(each.deployment for each in webhooks), merged(each.promotion for each in webhooks))


def _webhooks(deployment: dict[str, Any], promotion: dict[str, Any]) -> Webhooks:
    return Webhooks(
        deployment=DeploymentWebhooks(**deployment) if deployment else None,
        promotion=PromotionWebhooks(**promotion) if promotion else None,
    )
