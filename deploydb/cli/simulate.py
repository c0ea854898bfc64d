"""`simulate`: what would have been decided under another configuration."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import click
from msgspec.structs import asdict

from deploydb.cli.database import opened
from deploydb.cli.in_flight import affected, show_affected
from deploydb.cli.output import is_shown, output_option, show_table
from deploydb.cli.renames import by_stored_names
from deploydb.configuration import load
from deploydb.configuration.durations import parse_duration
from deploydb.domain.formatting import counted, in_words
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import DeployDBError, Misconfigured, NotFound
from deploydb.domain.suggestions import suggestion
from deploydb.engine.in_flight import Effect
from deploydb.exit_codes import ExitCode
from deploydb.query.column import Column
from deploydb.settings import from_environment
from deploydb.simulation import (
    Clock,
    Comparison,
    Deviation,
    Difference,
    RecordedHistory,
    Replay,
    Reproduction,
    compare,
    reproduce,
)
from deploydb.simulation.compare import Kind
from deploydb.store.queries.replay import attempts, decisions, entries, ran_before, read_only
from deploydb.store.schema import require_current

BIGGEST = 20

_COLUMNS = (
    Column("DECISION"),
    Column("SERVICE"),
    Column("ENVIRONMENT"),
    Column("VERSION", "version"),
    Column("BY", gives_way=2),
    Column("WHY", "text", gives_way=1),
)


def _length(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> timedelta | None:
    """A length of time, as in the configuration."""
    try:
        return parse_duration(text) if text is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True, help="The changed configuration directory.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="What to compare it with; by default DEPLOYDB_CONFIG, or ./config.",
)
@click.option(
    "--since",
    metavar="DURATION",
    callback=_length,
    help="Only what was published this long ago or later, such as 90d.",
)
@click.option("--service", help="Only the decisions on this service.")
@click.option(
    "--clock",
    type=click.Choice(["time", "recorded"]),
    default="time",
    show_default=True,
    help="All facts count from when they happened by their source's clock, or from when they were recorded.",
)
@click.option("--all", "everything", is_flag=True, help=f"Every difference, not only the {BIGGEST} biggest.")
@output_option
def simulate(
    config: Path,
    against: Path | None,
    since: timedelta | None,
    service: str | None,
    clock: Clock,
    output: str,
    *,
    everything: bool,
) -> None:
    """Replay the past against a changed configuration, and say which decisions differ, and which releases in flight it
    affects.

    Reads the database at DEPLOYDB_DATABASE_URL and writes nothing. What was deployed under both goes as it went in
    reality; the outcome of what never was deployed is unknown, and never guessed. The unchanged configuration is also
    compared with the commands of the log: how many of them it reproduces, and why not the others. Exits with 0 where no
    decision differs, with 1 where one does, with 2 where nothing could be compared.

    \b
    Examples:
      deploydb simulate --config config-with-a-soak
      deploydb simulate --config new --against config --since 90d --service storefront -o json
    """
    try:
        old, new = _catalog(against or from_environment().config), _catalog(config)
        if service is not None and service not in old.services.keys() | new.services.keys():
            known = {*old.services, *new.services}
            raise NotFound(f"neither configuration has a service {service}{suggestion(service, known)}")
        until = datetime.now(UTC)
        start = until - since if since is not None else None
        reality, flying, old, new = _reality(start, clock, old, new, service)
        services = [service] if service is not None else None
        before, after = (Replay(catalog, reality, until=until, services=services).run() for catalog in (old, new))
        found = compare(before, after, reality, services=services)
        baseline = reproduce(before, reality, services=services)
    except DeployDBError as error:
        click.echo(f"deploydb: {error}", err=True)
        sys.exit(ExitCode.WRONG_USAGE)
    period = {"since": _text(start), "until": _text(until), "clock": clock}
    most = None if everything else BIGGEST
    rest = {"baseline": _baseline(baseline), "in_flight": [asdict(one) for one in flying]}
    if not is_shown(output, period | _json(found) | rest, tuple):
        _show(found, most)
        if flying:
            show_affected(flying, most)
        _show_baseline(baseline, most)
    sys.exit(ExitCode.FAILED if found.differences else ExitCode.SUCCESS)


def _catalog(directory: Path) -> Catalog:
    loaded = load(directory)
    problems = sorted((*loaded.problems, *loaded.missing))
    for problem in problems:
        click.echo(str(problem), err=True)
    if loaded.catalog is None or problems:
        raise Misconfigured(f"{directory}: {counted(len(problems), 'problem')}")
    return loaded.catalog


def _reality(
    since: datetime | None, clock: Clock, old: Catalog, new: Catalog, service: str | None
) -> tuple[RecordedHistory, list[Effect], Catalog, Catalog]:
    """Everything that is needed of the database, which is let go of before the replays begin: the history; what the new
    catalog changes in the releases in flight, of one service or all; and both by the names that environments have
    there."""
    unreadable: list[int] = []
    with opened("simulate", absent="nothing has happened here yet") as engine:
        require_current(engine)
        with read_only(engine) as connection:
            reality = RecordedHistory(
                entries(connection, unreadable, since=since, recorded=clock == "recorded"),
                attempts(connection, since=since),
                decisions=decisions(connection, since=since),
                ran=ran_before(connection, since) if since is not None else (),
                clock=clock,
            )
            flying = affected(connection, new, old, service)
            old, new = by_stored_names(connection, old), by_stored_names(connection, new)
    if unreadable:
        rows = f"{counted(len(unreadable), 'row')} of the log, the first of them {unreadable[0]}"
        click.echo(f"deploydb: left out, since they cannot be read as facts: {rows}", err=True)
    return reality, flying, old, new


def _show(found: Comparison, most: int | None) -> None:
    shown = found.differences[:most]
    rows = [[one.kind, one.name.service, one.name.environment, _version(one), _by(one), _why(one)] for one in shown]
    show_table(_COLUMNS, rows, empty="no decision differs")
    left = len(found.differences) - len(shown)
    if left:
        click.echo(f"… and {left} more: --all shows them", err=True)
    for line in _summary(found):
        click.echo(line, err=True)


def _summary(found: Comparison) -> Sequence[str]:
    later, earlier = found.count("later"), found.count("earlier")
    lines = [
        f"{counted(found.same + len(found.differences), 'decision')} compared: {found.same} the same, {later} later "
        f"({found.hours('later'):.1f} hours of delay), {earlier} earlier ({found.hours('earlier'):.1f} hours), "
        f"{found.count('blocked')} blocked, {found.count('released')} released, {found.count('unknown')} unknown"
    ]
    if found.stopped:
        lines.append(f"{counted(found.stopped, 'failed deployment')} would not have been made")
    if found.unknown:
        lines.append(f"{counted(found.unknown, 'further deployment')} with an unknown outcome under either")
    return lines


def _show_baseline(found: Reproduction, most: int | None) -> None:
    """To standard error, as the rest of the summary."""
    further = [f"{found.extra} more than in reality"] if found.extra else []
    further += [f"{found.following} that follow from an earlier deviation"] if found.following else []
    lines = [f"baseline: {found.reproduced} of {counted(found.real, 'real command')} reproduced"]
    for one in found.deviations[:most]:
        side = "only in reality" if one.real_at is not None else "only in the baseline"
        lines.append(f"  {one.name.service} {one.name.environment} {_version(one)}: {side}: {one.reason}")
    left = len(found.deviations[most:]) if most is not None else 0
    lines += [f"  … and {left} more: --all shows them"] if left else []
    click.echo("\n".join([", ".join([lines[0], *further]), *lines[1:]]), err=True)


def _version(one: Difference | Deviation) -> str:
    what = "rollback to " if one.name.kind == "rollback" else ""
    again = f" (attempt {one.name.number})" if one.name.kind == "deploy" and one.name.number > 1 else ""
    return f"{what}{one.name.version}{again}"


def _by(one: Difference) -> str:
    return in_words(abs(one.delay)) if one.delay is not None else ""


def _why(one: Difference) -> str:
    failed = "it failed in reality" if one.failed else ""
    return "; ".join(part for part in (one.reason, failed) if part)


def _json(found: Comparison) -> dict[str, Any]:
    return {
        "same": found.same,
        **{kind: found.count(kind) for kind in get_args(Kind)},
        "unknown_under_both": found.unknown,
        "delay_hours": round(found.hours("later"), 3),
        "gained_hours": round(found.hours("earlier"), 3),
        "failures_stopped": found.stopped,
        "differences": [
            {
                "decision": one.kind,
                **_named(one),
                "old_at": _text(one.old_at),
                "new_at": _text(one.new_at),
                "delay_seconds": one.delay.total_seconds() if one.delay is not None else None,
                "reason": one.reason,
                "failed": one.failed,
                "stopped": one.stopped,
            }
            for one in found.differences
        ],
    }


def _baseline(found: Reproduction) -> dict[str, Any]:
    return {
        "commands": found.real,
        "reproduced": found.reproduced,
        "extra": found.extra,
        "following": found.following,
        "deviating": len(found.deviations),
        "deviations": [
            {
                **_named(one),
                "real_at": _text(one.real_at),
                "baseline_at": _text(one.replayed_at),
                "cause": one.cause,
                "reason": one.reason,
            }
            for one in found.deviations
        ],
    }


def _named(one: Difference | Deviation) -> dict[str, Any]:
    return {
        "service": one.name.service,
        "environment": one.name.environment,
        "artifact": one.name.module,
        "version": one.name.version,
        "kind": one.name.kind,
        "attempt": one.name.number,
    }


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
