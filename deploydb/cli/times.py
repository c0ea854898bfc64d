"""Times that people type: one in the past, or how long ago it was."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def past_option(name: str, *, help: str) -> Callable[[F], F]:  # noqa: A002  # click's own name for it
    """An option that is a time in the past, as the service wants it: ISO 8601 with its offset."""
    return click.option(name, metavar="TIME", callback=lambda _context, _option, text: _past(text), help=help)


def _past(text: str | None) -> str | None:
    if text is None:
        return None
    from deploydb.configuration.durations import parse_duration  # it brings YAML along

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.now(UTC) - parse_duration(text)
        except ValueError:
            raise click.BadParameter(
                f"{text} is neither a time such as 2026-11-22T12:00:00Z nor how long ago, such as 2h or 3d"
            ) from None
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text} has no offset from UTC; write {text}Z for UTC")
    return moment.isoformat()
