"""The web pages: the service's answers, rendered for people.

A page is a resource with a template. It reads what its JSON reads, which is at the same address with `.json`, and says
which command line gives the same answer. Pages are whole without scripts; what scripts add is comfort: the matrix that
follows the state, ages that grow, a button that copies.

Everything comes from the service itself, and nothing in a page's text is ever markup, style or script: the
strictest Content-Security-Policy that pages can have tells the browser so.
"""

from collections.abc import Sequence

from deploydb.query.pages import artifact, audit, effect, environment, flow, listing, orders, reports, service, status
from deploydb.query.pages.page import Page

_MODULES = (status, listing, service, environment, flow, effect, orders, artifact, audit, reports)
PAGES: Sequence[Page] = [page for module in _MODULES for page in module.PAGES]
