"""`wait`: until a version is there, or cannot come any more."""

import time
from datetime import timedelta

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.options import arguments
from deploydb.cli.output import show_line
from deploydb.domain.model.deployment import UNDER_WAY
from deploydb.domain.model.errors import NotFound, Transient
from deploydb.exit_codes import ExitCode

EVERY_SECONDS = 1.0


@click.command()
@arguments("service", "environment", "version")
@click.option("--timeout", metavar="TIME", default="30m", show_default=True, help="How long at most: 90s, 30m, 2h.")
@click.option(
    "--for",
    "goal",
    type=click.Choice(["running", "verified"]),
    default="verified",
    show_default=True,
    help="Until it runs there, or until its gates have passed, too.",
)
def wait(service: str, environment: str, version: str, timeout: str, goal: str) -> None:
    """Wait until VERSION of SERVICE is in ENVIRONMENT.

    Exits with 0 once it is there, with 1 as soon as it cannot come any more (failed, skipped, vetoed) with the reason,
    with 3 when the time is over with what it waits for. A version that is not known yet is waited for, too.

    \b
    Examples:
      deploydb wait storefront staging 1.4.0
      deploydb wait storefront prod 1.4.0 --timeout 2h --for running
    """
    until = time.monotonic() + _seconds(timeout)
    ask("status", service=service, environment=environment)  # a wrong name fails now
    message, reported = "", False
    while True:
        try:
            state, message = _look(service, environment, version, goal)
            if state == "unknown" and not reported:
                show_line(f"{message}: waiting for it", err=True)
                reported = True
        except Transient as error:
            state, message = "waits", str(error)
        if state == "there":
            show_line(message, err=True)
            return
        if state == "never":
            show_line(message, err=True)
            raise click.exceptions.Exit(ExitCode.FAILED)
        left = until - time.monotonic()
        if left <= 0:
            show_line(f"not within {timeout}: {message}", err=True)
            raise click.exceptions.Exit(ExitCode.TOO_LONG)
        time.sleep(min(EVERY_SECONDS, left))


def _look(service: str, environment: str, version: str, goal: str) -> tuple[str, str]:
    """Whether it is there, waits, is not known yet or never comes, and why."""
    # before the answer: what runs there then is known to it
    lanes = ask("status", service=service, environment=environment)["lanes"]
    try:
        answer = ask("why", service, environment, version=version)
    except NotFound as error:
        return "unknown", str(error)
    if "branch" in answer:
        return "never", str(answer["answer"])
    stage: Body = answer["stages"][-1]
    status, message = stage["status"], answer["answer"]
    if status == "SUCCESS":
        return "there", message
    runs, comes = (_is_there(lanes, member, version) for member in ("running", "pending"))
    if status == "COMPLETED" and goal == "running" and runs:
        return "there", message
    vetoes = [hold for lane in lanes for hold in lane["holds"] if hold["kind"] == "veto" and hold["version"] == version]
    if vetoes and status not in UNDER_WAY:
        return "never", vetoes[0]["text"]
    releasing = answer["releasing"]
    if releasing is not None and not releasing["possible"]:
        return "never", f"{message}; {releasing['sentence']}"
    outlook = stage.get("outlook")
    again = comes and status != "NOT_STARTED"
    if outlook is not None and outlook["verdict"] != "held" and not again:
        return "never", message
    # replaced before it was verified; while it comes, its report has not been evaluated
    if status == "COMPLETED" and not runs and not comes:
        return "never", message
    return "waits", message


def _is_there(lanes: list[Body], member: str, version: str) -> bool:
    return any(one["version"] == version and one["status"] != "FAILED" for lane in lanes for one in lane[member])


def _seconds(text: str) -> float:
    from deploydb.configuration.durations import parse_duration  # it brings YAML along

    try:
        duration: timedelta = parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is no duration such as 90s, 30m or 2h", param_hint="--timeout") from error
    return duration.total_seconds()
