"""Options and arguments of several commands."""

import functools
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from time import sleep
from typing import Any, TypeVar

import click

from deploydb.cli.known_names import warn_of_person
from deploydb.cli.output import show_styled
from deploydb.domain.model.errors import Transient

F = TypeVar("F", bound=Callable[..., Any])

EVERY_SECONDS = 2.0
_NO_WAIT = "deploydb.no_wait"
_FACT_OUTPUT = "deploydb.fact_output"
_CLEAR = "\x1b[2J\x1b[H"
"""Clears the screen, and goes to its top."""


def arguments(*names: str) -> Callable[[F], F]:
    """Arguments in this order; one in brackets, such as `[version]`, may be left out."""

    def added(command: F) -> F:
        for name in reversed(names):
            command = click.argument(name.strip("[]"), required=not name.startswith("["))(command)
        return command

    return added


def action_options(
    *, reason_required: bool, ends: bool = False, over_http: bool = True, own_output: bool = False
) -> Callable[[F], F]:
    """`--reason TEXT`, required where automation is overridden; `--from TIME` and `--until TIME` of an action
    that begins and ends; `--by NAME`; `--no-wait`; `-o`, unless the command has its `own_output`. `over_http`: it can
    go to the gateway."""

    def added(command: F) -> F:
        command = no_wait_option(command if own_output else fact_option(command))
        command = by_option("Who does it", over_http=over_http)(command)
        if ends:
            until = (
                "When it ends by itself: 2h or 3d from now, the beginning of 2026-12-24, or 2026-12-24T18:00:00+01:00."
            )
            command = click.option("--until", metavar="TIME", callback=_moment, help=until)(command)
            since = "When it begins: 2h or 3d from now, a date, or a time; by default now."
            command = click.option("--from", "begins", metavar="TIME", callback=_moment, help=since)(command)
        why = "Why. It shows with the action."
        return click.option("--reason", metavar="TEXT", required=reason_required, callback=not_blank, help=why)(command)

    return added


def by_option(purpose: str, *, over_http: bool = True) -> Callable[[F], F]:
    """`--by NAME`: the person of an order. `over_http`: it can go to the gateway."""
    with_token = " With DEPLOYDB_TOKEN set the order goes over HTTP, by the token's person." if over_http else ""
    help_ = f"{purpose}; by default you.{with_token}"
    return click.option("--by", metavar="NAME", callback=_person, help=help_)


def _person(context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    """A person as given; one that is new or misspelt is reported, and may act."""
    if name is not None and not context.resilient_parsing:  # which is completion
        warn_of_person(name)
    return name


def lift_options(command: F) -> F:
    """Those of a command that lifts holds: `--hold`, `--all`, `--reason`, `--by`, `--no-wait`."""
    command = action_options(reason_required=False)(command)
    command = click.option("--all", "every", is_flag=True, help="Each one of that scope.")(command)
    return click.option("--hold", metavar="ID", help="The one of that id, where several stand; or its beginning.")(
        command
    )


def artifact_option(command: F) -> F:
    """`--artifact GROUP:NAME`: one module of those that have the version."""
    return click.option("--artifact", metavar="GROUP:NAME", help="The module, where several have the version.")(command)


def early_option(command: F) -> F:
    """`--early`: also for a version that is not published yet."""
    return click.option("--early", is_flag=True, help="Also for a version that is still to come.")(command)


def no_wait_option(command: F) -> F:
    """`--no-wait`, which `waits` reads."""
    return click.option(
        "--no-wait",
        is_flag=True,
        envvar="DEPLOYDB_NO_WAIT",
        expose_value=False,
        callback=_remember_no_wait,
        help="Do not wait for the effect after publishing.",
    )(command)


def fact_option(command: F) -> F:
    """`-o json|yaml|name` of an act, which `fact_output` reads."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["json", "yaml", "name"]),
        expose_value=False,
        callback=_remember_output,
        help="Print the fact as it was published, once it counts: as JSON, as YAML, or its id.",
    )(command)


def fact_output() -> str | None:
    """The form in which the facts of an act are printed; None where they are not."""
    output: str | None = click.get_current_context().meta.get(_FACT_OUTPUT)
    return output


def _remember_output(context: click.Context, _parameter: click.Parameter, output: str | None) -> None:
    context.meta[_FACT_OUTPUT] = output


def waits() -> bool:
    """Whether the command waits for the effect of what it has published."""
    return not click.get_current_context().meta.get(_NO_WAIT)


def _remember_no_wait(context: click.Context, _parameter: click.Parameter, no_wait: bool) -> None:
    context.meta[_NO_WAIT] = bool(context.meta.get(_NO_WAIT)) or no_wait


def not_blank(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """A reason as it was given. Raises: BadParameter for one that is blank."""
    if text is not None and not text.strip():
        raise click.BadParameter("say why")
    return text


def _moment(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    """A time, or a length of time from now."""
    if text is None:
        return None
    from deploydb.configuration.durations import parse_duration  # it brings YAML along

    now = datetime.now(UTC)
    try:
        return now + parse_duration(text)
    except ValueError:
        pass  # then it must be a time
    try:
        at = _time(text)
    except ValueError as error:
        expected = "write 2h, 3d, 2026-12-24, or 2026-12-24T18:00:00+01:00"
        raise click.BadParameter(f"{text} is no time: {expected}") from error
    if at.tzinfo is None:
        raise click.BadParameter(f"{text} says no zone: write {text}Z for UTC, or an offset such as {text}+01:00")
    if at <= now:
        raise click.BadParameter(f"{text} is in the past")
    return at.astimezone(UTC)


def _time(text: str) -> datetime:
    """A time as it is written; a date is the beginning of that day on the clocks here. Raises: ValueError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text)
    try:
        at = datetime.combine(day, time()).astimezone()
        # where clocks go forward at midnight, the day begins an hour later
        return at if at.date() == day else datetime.combine(day, time(fold=1)).astimezone()
    except OverflowError as error:  # an edge of the calendar
        raise ValueError(text) from error


def past_option(name: str, *, help: str) -> Callable[[F], F]:  # noqa: A002  # click's own name for it
    """An option that is a time in the past, as the service wants it: ISO 8601 with its offset."""
    return click.option(name, metavar="TIME", callback=lambda _context, _option, text: _past(text), help=help)


def _past(text: str | None) -> str | None:
    """A time, or how long ago it was."""
    if text is None:
        return None
    from deploydb.configuration.durations import parse_duration  # it brings YAML along

    try:
        moment = _time(text)
    except ValueError:
        try:
            moment = datetime.now(UTC) - parse_duration(text)
        except ValueError:
            raise click.BadParameter(
                f"{text} is neither a time such as 2026-11-22T12:00:00Z, a date, nor how long ago, such as 2h or 3d"
            ) from None
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text} has no offset from UTC; write {text}Z for UTC")
    return moment.isoformat()


def watched(command: F) -> F:
    """`--watch`: the same every two seconds, in place on a terminal, until Ctrl-C."""

    @functools.wraps(command)
    def run(*arguments: Any, watch: bool, **options: Any) -> Any:  # noqa: ANN401  # whatever the command takes
        while watch:
            if sys.stdout.isatty():
                show_styled(_CLEAR)
            try:
                command(*arguments, **options)
            except Transient as error:  # it may be back at the next look
                click.echo(f"deploydb: {error}", err=True)
            sys.stdout.flush()
            sleep(EVERY_SECONDS)
        return command(*arguments, **options)

    message = f"Again every {EVERY_SECONDS:.0f} s, until Ctrl-C."
    return click.option("--watch", is_flag=True, help=message)(run)  # type: ignore[return-value]
