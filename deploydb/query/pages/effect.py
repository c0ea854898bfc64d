"""`/effect`: what came of an order. Forms lead here."""

from deploydb.query.pages.page import Page, stream_of
from deploydb.query.resources.effect import PARAMETERS, effect

PAGES = (
    Page(
        path="/effect",
        template="effect.html",
        read=effect,
        command=lambda _asked, answer: ["events", "--source", answer["source"]],
        drawn=lambda _asked, _answer: {"stream": stream_of()},
        parameters=PARAMETERS,
        momentary=True,
    ),
)
