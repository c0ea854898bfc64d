"""Options of the commands that override automation: by, reason, until."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def by_option(command: F) -> F:
    """`--by NAME`."""
    return click.option("--by", metavar="NAME", help="Who does it; by default you.")(command)


def reason_option(*, required: bool) -> Callable[[F], F]:
    """`--reason TEXT`: required where automation is overridden."""
    return click.option(
        "--reason", metavar="TEXT", required=required, callback=not_blank, help="Why. It shows with the action."
    )


def until_option(command: F) -> F:
    """`--until TIME`: a time, or a length of time from now."""
    return click.option(
        "--until",
        metavar="TIME",
        callback=_moment,
        help="When it ends by itself: 2h or 3d from now, or 2026-12-24T18:00:00+01:00.",
    )(command)


def not_blank(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """A reason as it was given. Raises: BadParameter for one that is blank."""
    if text is not None and not text.strip():
        raise click.BadParameter("say why")
    return text


def _moment(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    from deploydb.configuration.durations import parse_duration  # it brings YAML along

    now = datetime.now(UTC)
    try:
        return now + parse_duration(text)
    except ValueError:
        pass  # then it must be a time
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is no time: write 2h, 3d, or 2026-12-24T18:00:00+01:00") from error
    if at.tzinfo is None:
        raise click.BadParameter(f"{text} says no zone: write {text}Z for UTC, or an offset such as {text}+01:00")
    if at <= now:
        raise click.BadParameter(f"{text} is in the past")
    return at.astimezone(UTC)
