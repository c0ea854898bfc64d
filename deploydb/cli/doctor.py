"""`doctor`: is everything there that DeployDB needs, and what to do where it is not."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import click
import sqlalchemy as sa
from msgspec import to_builtins
from msgspec.structs import replace

from deploydb import __version__
from deploydb.broker.inspection import inspect
from deploydb.broker.topology import DEAD_QUEUE, INGEST_QUEUE, Topology, topology, topology_of
from deploydb.cli.client import Body, Moment, ask, meet
from deploydb.cli.consumer_findings import consumer_findings, recorded_consumers
from deploydb.cli.fact_findings import fact_findings
from deploydb.cli.finding import Finding
from deploydb.cli.lane_findings import lane_findings
from deploydb.cli.output import is_shown, output_option, show_table
from deploydb.cli.tool_findings import tool_findings
from deploydb.configuration import LiveCatalog
from deploydb.domain.formatting import in_words
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import DeployDBError, Misconfigured
from deploydb.exit_codes import ExitCode
from deploydb.identity import Tokens
from deploydb.query.column import Column
from deploydb.query.incomplete import incomplete_texts
from deploydb.query.late_workers import LATE, STUCK, reading_text, waiting_text
from deploydb.redaction import redacted, shown_url
from deploydb.settings import Settings, from_environment
from deploydb.store.engine import open_engine, reading
from deploydb.store.ingest_watermark import read_until
from deploydb.store.privileges import WRITES, rights, role_of, time_there
from deploydb.store.queries.operations import unevaluated, unsent
from deploydb.store.schema import SchemaBehind, require_current
from deploydb.store.set_aside import set_aside_services

APART = timedelta(seconds=2)
"""Clocks that differ by more are reported."""

_COLUMNS = (
    Column("STATE"),
    Column("CHECK"),
    Column("SEEN", "text"),
    Column("TO DO", "text"),
)


@click.command()
@output_option
def doctor(output: str) -> None:
    """Look at settings, configuration, database, broker, query service and clocks; say what is wrong and what to do.

    Changes nothing. Exits with 1 where something fails. A warning is what you may mean: a part that is not on this
    machine, dead letters, another version.

    \b
    Examples:
      deploydb doctor
      deploydb doctor -o json
    """
    findings = list(_examined())
    body = [to_builtins(one) for one in findings]
    if not is_shown(output, body, lambda: (f"{one.state}/{one.check}" for one in findings)):
        rows = [[one.state, one.check, one.seen, one.advice] for one in findings]
        show_table(_COLUMNS, rows, empty="Nothing was looked at.")
    if any(one.state == "fail" for one in findings):
        raise click.exceptions.Exit(ExitCode.FAILED)


def _examined(environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Each finding as soon as it is known, without the secrets of the settings."""
    secrets: tuple[str, ...] = ()
    with suppress(DeployDBError):  # which is a finding of its own
        secrets = from_environment(environ).secrets
    for finding in _looked_at(environ):
        yield replace(finding, seen=redacted(finding.seen, secrets))


def _looked_at(environ: Mapping[str, str]) -> Iterator[Finding]:
    try:
        settings = from_environment(environ)
    except DeployDBError as error:
        yield _failed("settings", error, "fix the variable; the rest was not checked")
        return
    given = sorted(name.removesuffix("_FILE") for name in environ if name.startswith("DEPLOYDB_"))
    yield Finding(check="settings", state="ok", seen=", ".join(given) or "none set: all of it is the embedded default")
    yield from _tokens(settings)
    catalog: Catalog | None = None
    wanted = topology({})  # without a configuration the orchestrators are not known; what all need is
    try:
        catalog = LiveCatalog(settings.config).catalog
        wanted = topology_of(catalog)
        message = f"{settings.config}: {len(catalog.services)} services, {len(catalog.environments)} environments"
        yield Finding(check="configuration", state="ok", seen=message)
        for seen in incomplete_texts(catalog):
            yield Finding(check="configuration", state="warn", seen=seen, advice=_CHECK)
    except DeployDBError as error:
        yield _absent("configuration", settings.config, "DEPLOYDB_CONFIG", environ) or _failed(
            "configuration", error, _CHECK
        )
    yield from _database(settings, environ, catalog)
    yield from _broker(settings, environ, wanted)
    yield from _service(settings)


def _database(settings: Settings, environ: Mapping[str, str], catalog: Catalog | None) -> Iterator[Finding]:
    url, path = settings.database_url, Path(settings.database_url.removeprefix("sqlite:///"))
    advice = "see that it runs, and that DEPLOYDB_DATABASE_URL names it"
    if url.startswith("sqlite:///") and not path.exists():  # which opening it would make
        yield _absent("database", path, "DEPLOYDB_DATABASE_URL", environ) or _failed(
            "database", Misconfigured(f"there is no database {path}"), "run `deploydb db migrate`"
        )
        with suppress(DeployDBError):  # the query service's own finding tells why
            body = ask("operations")
            yield from _queues_there(body)
            yield from fact_findings(body, catalog)
            yield from lane_findings(body, catalog)
        return
    try:
        engine = open_engine(url, name="doctor")
    except DeployDBError as error:
        yield _failed("database", error, advice)
        return
    try:
        with reading(engine) as connection:
            connection.execute(sa.select(1))
        yield Finding(check="database", state="ok", seen=f"{shown_url(url)} answers")
        try:
            require_current(engine)
            yield Finding(check="migrations", state="ok", seen="the schema is current")
        except (Misconfigured, SchemaBehind) as error:
            yield _failed("migrations", error, "run `deploydb db migrate`")
            return
        with reading(engine) as connection:
            yield _rights(connection, path if url.startswith("sqlite:///") else None)
        with reading(engine) as connection:
            before = datetime.now(UTC)
            theirs = time_there(connection)
            yield _clock("clock of the database", Moment(before=before, theirs=theirs, after=datetime.now(UTC)))
        yield from _queues_there(engine)
        yield from tool_findings(engine)
        yield from fact_findings(engine, catalog)
        yield from lane_findings(engine, catalog)
        yield from _reading(engine)
    except DeployDBError as error:
        yield _failed("database", error, advice)
    finally:
        engine.dispose()


def _rights(connection: sa.Connection, file: Path | None) -> Finding:
    if file is not None:
        writable = os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
        message = f"{file} is {'readable and writable' if writable else 'readable only'}"
        advice = "" if writable else "workers need to write the file and its folder; reading needs the folder, too"
        return Finding(check="rights", state="ok" if writable else "warn", seen=message, advice=advice)
    found = rights(connection)
    advice = "`deploydb db roles` prints the rights of each process; run its SQL after each `deploydb db migrate`"
    if found.unreadable:
        message = f"{found.role} may not read {', '.join(found.unreadable)}"
        return Finding(check="rights", state="fail", seen=message, advice=advice)
    lacking = [process for process in WRITES if role_of(process) == found.role and process not in found.enough_for]
    if lacking:
        message = f"{found.role} may not write all tables that {lacking[0]} writes"
        return Finding(check="rights", state="fail", seen=message, advice=advice)
    message = f"{found.role} may read all tables, and write those of {', '.join(found.enough_for)}"
    return Finding(check="rights", state="ok", seen=message, advice="")


def _reading(engine: sa.Engine) -> Iterator[Finding]:
    with reading(engine) as connection:
        read, now = read_until(connection), time_there(connection)
    if read is None:  # none has ever run here
        return
    behind = now - read.until
    state: Literal["ok", "warn", "fail"] = "fail" if behind > STUCK else "warn" if behind > LATE else "ok"
    advice = "nothing expires beyond that: see that the worker `ingest` runs, and what it logs" if state != "ok" else ""
    yield Finding(check="ingest", state=state, seen=reading_text(read.until, behind), advice=advice)


def _queues_there(source: sa.Engine | Body) -> Iterator[Finding]:
    """What waits in the database: of the database itself, or as the query service's answer on operations has it."""
    if isinstance(source, sa.Engine):
        with reading(source) as connection:
            backlogs = [(each.count, each.oldest_at) for each in (unsent(connection), unevaluated(connection))]
            aside = [(one.words, one.parked) for one in set_aside_services(connection)]
    else:
        found = [(source[name]["count"], source[name]["oldestAt"]) for name in ("outbox", "evaluations")]
        backlogs = [(count, datetime.fromisoformat(at) if at is not None else None) for count, at in found]
        aside = [(one["text"], one["parked"]) for one in source.get("setAside", ())]
    workers = (("outbox", "relay"), ("evaluations", "promote"))
    for (name, worker), (count, oldest_at) in zip(workers, backlogs, strict=True):
        age = datetime.now(UTC) - oldest_at if oldest_at is not None else timedelta(0)
        state: Literal["ok", "warn", "fail"] = "fail" if age > STUCK else "warn" if age > LATE else "ok"
        advice = "" if state == "ok" else f"see that the worker `{worker}` runs, and what it logs"
        yield Finding(check=name, state=state, seen=waiting_text(count, age), advice=advice)
    for message, parked in aside:
        advice = "the worker `promote` logs the error in full; `deploydb pause` parks the service meanwhile"
        if parked is not None:
            advice = "`deploydb resume` has it tried again"
        yield Finding(check="set aside", state="fail" if parked is None else "warn", seen=message, advice=advice)
    if not aside:
        yield Finding(check="set aside", state="ok", seen="every service is evaluated")


def _broker(settings: Settings, environ: Mapping[str, str], wanted: Topology) -> Iterator[Finding]:
    url = settings.broker_url
    path = Path(url.removeprefix("embedded:"))
    if url.startswith("embedded:") and not path.exists():
        missing = Misconfigured(f"{url} does not exist")
        yield _absent("broker", path, "DEPLOYDB_BROKER_URL", environ) or _failed(
            "broker", missing, "run `deploydb broker provision`, or `deploydb up`"
        )
        with suppress(DeployDBError):  # the query service's own finding tells why
            yield from recorded_consumers(ask("operations"))
        return
    try:
        found = inspect(url, wanted)
    except DeployDBError as error:
        yield _failed("broker", error, "see that it runs, and that DEPLOYDB_BROKER_URL names it")
        return
    yield Finding(check="broker", state="ok", seen=f"{shown_url(url)} answers")
    wrong = [one for one in found if one.problem is not None]
    for one in wrong:
        yield Finding(check=one.name, state="fail", seen=f"{one.problem}", advice=_PROVISION)
    unknown = [one.name for one in found if not one.compared]
    if unknown:
        message = f"{len(unknown)} of {len(found)} could not be compared: this user may not configure them"
        yield Finding(check="exchanges and queues", state="warn", seen=message, advice="run it as who provisions")
    elif not wrong:
        yield Finding(check="exchanges and queues", state="ok", seen=f"{len(found)} are there, as they must be")
    depths = {one.name: one.depth for one in found}
    dead, waiting = depths.get(f"queue {DEAD_QUEUE}"), depths.get(f"queue {INGEST_QUEUE}")
    if dead is not None:
        advice = "`deploydb dead list` tells why, `deploydb dead replay --all` sends them again" if dead.ready else ""
        yield Finding(
            check="dead letters", state="warn" if dead.ready else "ok", seen=f"{dead.ready} messages", advice=advice
        )
    if waiting is not None:
        yield Finding(check="waiting for ingest", state="ok", seen=f"{waiting.ready} messages")
    yield from consumer_findings(wanted, depths)


_CHECK = "`deploydb check-config` lists every problem"
_PROVISION = "`deploydb broker provision` makes what is missing"


def _tokens(settings: Settings) -> Iterator[Finding]:
    try:
        text = settings.read_tokens()
        if not text:
            return
        tokens = Tokens.parse(text, settings.tokens_source)
        yield Finding(check="tokens", state="ok", seen=f"{len(tokens)} of people and programs")
    except Misconfigured as error:
        yield _failed("tokens", error, "correct the line; until then running services use the last good file")


def _service(settings: Settings) -> Iterator[Finding]:
    try:
        version, moment = meet()
    except DeployDBError as error:
        yield _failed("query service", error, "start it: `python -m workers query`, or `deploydb up` for all of it")
        return
    same = version == __version__
    yield Finding(
        check="query service",
        state="ok" if same else "warn",
        seen=f"{settings.url} answers, version {version}" + ("" if same else f"; this command line is {__version__}"),
        advice="" if same else "install the same version in both places",
    )
    if moment is not None:
        yield _clock("clock of the query service", moment)


def _clock(check: str, moment: Moment) -> Finding:
    if moment.apart <= APART:
        return Finding(check=check, state="ok", seen=f"within {in_words(APART)} of ours")
    seconds = moment.apart.total_seconds()
    way = "ahead of" if moment.theirs > moment.after else "behind"
    return Finding(check=check, state="fail", seen=f"{seconds:.1f} s {way} ours", advice="synchronise both with NTP")


def _absent(check: str, path: Path, variable: str, environ: Mapping[str, str]) -> Finding | None:
    """Nothing is here and nothing is configured: other machines may have it."""
    names = {variable, f"{variable}_FILE", "DEPLOYDB_DATA", "DEPLOYDB_DATA_FILE"}
    if path.exists() or names & environ.keys():
        return None
    advice = f"set {variable} to look at it from here, or start DeployDB here: `deploydb up`"
    return Finding(check=check, state="warn", seen=f"none here ({path})", advice=advice)


def _failed(check: str, error: DeployDBError, advice: str) -> Finding:
    return Finding(check=check, state="fail", seen=str(error), advice=advice)
