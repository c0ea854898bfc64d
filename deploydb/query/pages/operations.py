"""`/operations`: how the machinery is."""

from deploydb.query.pages.page import Page
from deploydb.query.resources import operations

PAGES = (
    Page(
        path="/operations",
        template="operations.html",
        read=operations.operations,
        command=lambda _asked, _answer: ["doctor"],
        momentary=True,
    ),
)
