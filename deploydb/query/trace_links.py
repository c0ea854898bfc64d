"""Links to the user interface for traces, by `DEPLOYDB_TRACE_URL`."""

from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.templates import Template, address_problem, unknown_places, url

_PLACES = ("trace_id",)


def trace_link(text: str) -> Template | None:
    """The template of links to a trace; None for an empty setting. Raises: Misconfigured for one that is no address."""
    if not text:
        return None
    template = url(text, _PLACES)
    problems = [address_problem(text), *template.problems]
    problems += [f"{{{name}}} stands for nothing: write {{trace_id}}" for name in unknown_places(text, _PLACES)]
    if "{trace_id}" not in text:
        problems.append("has no {trace_id}: write it where the id of a trace belongs")
    problem = next(filter(None, problems), None)
    if problem is not None:
        raise Misconfigured(f"DEPLOYDB_TRACE_URL {problem}")
    return template
