"""`/where?what=`: is my commit in prod? Every page has a field that leads here."""

from deploydb.query.pages.page import Answer, Page, narrowed
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import text
from deploydb.query.resources.where import Where, where


def _asked_for(asked: RequestContext) -> Where:
    what = asked.option("what")
    if what is None:
        return Where(what="", artifacts=[], more=False)
    return where(narrowed(asked, {}, {"what": what.strip()}))


def _command(_asked: RequestContext, answer: Answer) -> list[str]:
    return ["where", answer["what"] or "COMMIT"]


PAGES = (
    Page(
        path="/where",
        template="where.html",
        read=_asked_for,
        command=_command,
        parameters=(text("what", "A commit, a digest, a package URL, GROUP:NAME:VERSION or a version."),),
    ),
)
