"""`report` of webhook/NAME.yml: the code host of the commits."""

from deploydb.configuration.documents import WebhookFileDocument
from deploydb.configuration.source import Source
from deploydb.domain.templates import unknown_places
from deploydb.orchestrators.code_hosts import check_repository
from deploydb.orchestrators.orchestrator import check_address
from deploydb.reports.report import PLACES

_OF_REPORTS = ("repository", "token_from")
_OF_OTHERS = ("url_from", "secret_from", "template", "content_type")


def check_report(source: Source, document: WebhookFileDocument) -> None:
    """Check the keys of a report, and that no other webhook has them; the problems go to `source.problems`."""
    if document.report is None:
        for key in _OF_REPORTS:
            if getattr(document, key) is not None:
                source.problem((key,), "is for a report alone: write report: github or gitlab beside it", key=True)
        return
    for key in _OF_REPORTS:
        if not getattr(document, key):
            source.problem((), f"{key} is missing: a report to {document.report} needs it")
    for key in _OF_OTHERS:
        if getattr(document, key):
            source.problem((key,), "is not for a report", key=True)
    if document.format != "json":
        source.problem(("format",), "is not for a report", key=True)
    if document.url is not None:
        check_address(source, ("url",), document.url)
    if document.repository:
        for name in unknown_places(document.repository, PLACES):
            source.problem(("repository",), f"expected {{service}} or {{environment}} in braces, found {{{name}}}")
        if document.report == "github":
            check_repository(source, document.repository)
