"""`/operations`: the state of the machinery."""

from deploydb.query.pages.page import pages_of
from deploydb.query.resources.operations import RESOURCES

PAGES = pages_of(RESOURCES, "/operations", "operations.html", lambda _asked, _answer: ["doctor"])
