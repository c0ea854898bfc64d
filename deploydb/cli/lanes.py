"""`status`, `why` and `history`: where does which version run, why is it not further, what has been."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.options import arguments, artifact_option, past_option, watched
from deploydb.cli.output import (
    ago,
    can_show,
    is_shown,
    is_wide,
    outlook_text,
    output_option,
    reason_text,
    show_stages,
    show_table,
    show_words,
)
from deploydb.domain.model.errors import NotFound
from deploydb.domain.model.publications import REMEDY
from deploydb.query.column import Column
from deploydb.query.folding import Folded, folded
from deploydb.query.status_words import MEANINGS

_LANES = Column("SERVICE"), Column("ENVIRONMENT"), Column("HERE", "text")
_HISTORY = (
    Column("DEPLOYMENT", gives_way=3),
    Column("ENVIRONMENT"),
    Column("VERSION", "version"),
    Column("STATUS"),
    Column("WHEN"),
    Column("TRIGGER", "text", gives_way=1),
    Column("REASON", "text", gives_way=2),
)


@click.command()
@click.option("--service", metavar="NAME", help="Of this service only.")
@click.option("--environment", metavar="NAME", help="In this environment only.")
@past_option("--at", help="What ran then: 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d.")
@past_option("--known-at", help="What was believed then; without --at, of that time.")
@output_option
@watched
def status(service: str | None, environment: str | None, at: str | None, known_at: str | None, output: str) -> None:
    """What runs where, since when, and what is on its way.

    A row a service, a column an environment. In a cell: the version, its status, since when; then what is not there
    yet, with its status; then what failed there last and what was done about it (✗), and open incidents (!); then what
    should run there and does not (≠); then which holds stand over it. The holds are listed below, with the reasons of
    drift, the services that are set aside since their evaluation failed, and the starved lanes. With -o wide each
    version has its deployment's number.

    COMPLETED is deployed, and not all of its promotions have passed yet; SUCCESS is deployed, and all have.

    \b
    Examples:
      deploydb status
      deploydb status --service storefront -o json
      deploydb status --environment prod --at 2026-11-17T14:05:00Z
      deploydb status --watch
    """
    body = ask("status", service=service, environment=environment, at=at, known_at=known_at)
    if is_shown(output, body, lambda: (f"lane/{one['service']}/{one['environment']}" for one in body["lanes"])):
        return
    environments: list[str] = body["environments"]
    cells: dict[str, dict[str, str]] = {}
    for lane in body["lanes"]:
        cells.setdefault(lane["service"], {})[lane["environment"]] = _cell(lane)
    show_matrix(environments, cells)
    holds = [_hold(hold) for lane in body["lanes"] for hold in lane["holds"]]
    drifts = [_drift(lane, drift) for lane in body["lanes"] for drift in lane["drift"]]
    other = [note["text"] for name in ("setAside", "starved") for note in body.get(name, ())]
    notes = dict.fromkeys([*holds, *drifts, *_contradictions(body["lanes"]), *other])
    if notes:
        click.echo()
    for note in notes:
        click.echo(" ".join(note.split()))
    if sys.stdout.isatty() and _has_completed(body["lanes"]):
        click.echo()
        show_words("; ".join(f"{status}: {MEANINGS[status]}" for status in ("COMPLETED", "SUCCESS")))


def show_matrix(
    environments: Sequence[str], cells: Mapping[str, Mapping[str, str]], instead: Callable[[], None] | None = None
) -> None:
    """A row a service and a column an environment; `instead`, else a row a lane, on a terminal that is too narrow for
    that. `cells`: by service and environment."""

    def show_lanes() -> None:
        lanes = [(name, each, row[each]) for name, row in cells.items() for each in environments if each in row]
        show_table(_LANES, lanes, empty="")

    rows = [[name, *(row.get(each, "-") for each in environments)] for name, row in cells.items()]
    columns = [Column("SERVICE"), *(Column(each.upper(), "text") for each in environments)]
    show_table(columns, rows, empty="No service is configured.", instead=instead or show_lanes)


def _has_completed(lanes: Sequence[Body]) -> bool:
    return any(one["status"] == "COMPLETED" for lane in lanes for one in (*lane["running"], *lane["pending"]))


_HELD = {"pin": "pinned", "freeze": "frozen", "pause": "paused"}


def _cell(lane: Body) -> str:
    vetoed = {hold["version"] for hold in lane["holds"] if hold["kind"] == "veto"}
    several = len({one["module"] for one in (*lane["running"], *lane["pending"])}) > 1
    running = [f"{_named(one, several, vetoed)} {one['status']} {ago(one['since'])}" for one in lane["running"]]
    pending = [f"→ {_coming(one)}{_named(one, several, vetoed)} {_state(one)}" for one in lane["pending"]]
    failed = [
        f"✗ {_coming(one)}{_named(one, several, vetoed)} FAILED{_when(one['since'])}: {_response(one)}"
        for one in lane.get("failed", ())
    ]
    incidents = [f"! {_incident(one)}" for one in lane.get("incidents", ())]
    held = list(dict.fromkeys(_HELD[hold["kind"]] for hold in lane["holds"] if hold["kind"] != "veto"))
    missed = [f"≠ {one['expected']} expected" for one in lane["drift"]]
    cell = ", ".join([*running, *pending, *failed, *incidents, *missed]) or "-"
    return f"{cell} [{', '.join(held)}]" if held else cell


def _contradictions(lanes: list[Body]) -> list[str]:
    found = ((lane, one) for lane in lanes for one in (*lane["running"], *lane["pending"]) if "conflict" in one)
    return [f"{lane['service']} {one['version']} is contradicted: {one['conflict']}. {REMEDY}" for lane, one in found]


def _drift(lane: Body, drift: Body) -> str:
    return f"{lane['service']} in {lane['environment']} should run {drift['expected']}: {reason_text(drift['reason'])}"


def _named(one: Body, several: bool, vetoed: Collection[str]) -> str:
    module = str(one["module"]).partition(":")[2]
    version = f"{module} {one['version']}" if several else str(one["version"])
    version += f" #{one['deployment']}" if is_wide() else ""
    version += " (contradicted)" if "conflict" in one else ""
    return f"{version} (vetoed)" if one["version"] in vetoed else version


def _coming(one: Body) -> str:
    """What is special about a deployment that is on its way."""
    attempt = f"attempt {one['attempt']} of " if one["attempt"] > 1 else ""
    return attempt + ("rollback to " if one.get("kind") == "rollback" else "")


def _state(one: Body) -> str:
    outlook = one.get("outlook")
    never = outlook is not None and outlook["verdict"] == "will not come"
    return outlook_text(outlook) if outlook is not None and never else str(one["status"])


def _response(failed: Body) -> str:
    """What was done about a failure, or else why it failed."""
    return reason_text(failed["detail"]) or reason_text(failed["reason"])


def _when(since: str | None) -> str:
    return f" {ago(since)}" if since is not None else ""


def _incident(incident: Body) -> str:
    version = f" in {incident['version']}" if incident["version"] is not None else ""
    return f"{incident['name'] or 'an incident'}{version} open since {ago(incident['since'])}"


def _hold(hold: Body) -> str:
    """A hold in one line, with what its text does not name."""
    what = {"pin": f"{hold['service']} in {hold['environment']}: ", "veto": f"{hold['service']} "}
    return what.get(hold["kind"], "") + str(hold["text"])


@click.command()
@arguments("service", "[environment]", "[version]")
@artifact_option
@past_option("--at", help="As it was known then: 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d.")
@output_option
@watched
def why(
    service: str, environment: str | None, version: str | None, artifact: str | None, at: str | None, output: str
) -> None:
    """Why VERSION is, or is not, in ENVIRONMENT: the answer, what would release it and when at the earliest, then its
    way as a drawing.

    A line a stage, with its status and since when; before it the gates at its entry, after it those that it must pass
    to go on, each with its verdict, why, and who may approve. Bars show how far a soak or the time to a deadline is.
    With -o wide: a table, with the times.

    Without VERSION: the newest that is not there yet, else what runs there. Without ENVIRONMENT: the last one that the
    service goes to. VERSION may come before ENVIRONMENT. Exits with 0 whatever the answer is.

    \b
    Examples:
      deploydb why storefront
      deploydb why storefront prod
      deploydb why storefront 1.4.0 prod
      deploydb why storefront prod 1.4.0 -o json
      deploydb why storefront prod 1.4.0 --at 2h
      deploydb why storefront prod --at 2026-11-22T12:00:00+01:00
    """
    body = _explained(service, environment, version, artifact=artifact, at=at)
    if is_shown(output, body, lambda: (f"deployment/{one['deployment']}" for one in body["stages"])):
        return
    known = f"As known at {at}: " if at is not None else ""
    show_words(known + body["answer"])
    releasing = body.get("releasing")
    outlook = body["stages"][-1].get("outlook") if body["stages"] else None
    now = datetime.fromisoformat(body["at"]) if "at" in body else None
    if outlook is not None and outlook["verdict"] == "will not come":
        show_words(outlook_text(outlook, now))
    if releasing is not None:
        show_words(_sentence(releasing))
    click.echo()
    if is_wide():
        show_stages(body["stages"])
        return
    from deploydb.cli.lane_drawing import show_lane

    show_lane(body["stages"], now)


def _explained(service: str, place: str | None, version: str | None, **more: str | None) -> Body:
    """The answer of `why`. `place`: an environment; or a version, before its environment.

    Raises: NotFound as for an environment, where it is neither.
    """
    if place is None:
        return ask("why", service, version=version, **more)
    try:
        return ask("why", service, place, version=version, **more)
    except NotFound:
        asked = {"version": place} if version is None else {"environment": version}
        if ask("names", service=service, **asked)["unknown"]:
            raise
        path = (service,) if version is None else (service, version)
        return ask("why", *path, version=place, **more)


def _sentence(releasing: Body) -> str:
    """The sentence with the version, "it", as its subject."""
    text = str(releasing["sentence"])
    return f"It {text}" if releasing["possible"] else text[:1].upper() + text[1:]


@click.command()
@arguments("service", "[environment]")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@click.option("--all", "every", is_flag=True, help="A line for each deployment that was skipped, too.")
@output_option
@watched
def history(service: str, environment: str | None, limit: int, every: bool, output: str) -> None:
    """What has been deployed of SERVICE, newest first: why it was put there, and why it is as far as it is.

    Neighbours that were skipped before their deployment began are one line, with their number; --all, -o wide, json,
    yaml and name list each. --limit counts deployments.

    \b
    Examples:
      deploydb history storefront
      deploydb history storefront --all
      deploydb history storefront prod --limit 5
    """
    path = [service] if environment is None else [service, environment]
    body = ask("history", *path, perPageSize=limit)
    deployments = body["deployments"]
    if is_shown(output, body, lambda: (f"deployment/{one['id']}" for one in deployments)):
        return
    rows = deployments if every or is_wide() else folded(deployments)
    shown = [_folded_row(one) if isinstance(one, Folded) else _history_row(one) for one in rows]
    show_table(_HISTORY, shown, empty=f"Nothing of {service} has been deployed.")


def _folded_row(row: Folded) -> list[str]:
    newest, *_, oldest = row.deployments
    count = f"{len(row.deployments)} that never began; --all lists them"
    to, dots = ("–", "…") if can_show("–…") else ("-", "...")
    numbers, versions = f"{oldest['id']}{to}{newest['id']}", row.span(dots)
    return [numbers, row.where, versions, "SKIPPED", ago(_when_of(newest)), "", count]


def _history_row(one: Body) -> list[str]:
    kind = "" if one["kind"] == "deploy" else f" ({one['kind']})"
    reason = " ".join(filter(None, [reason_text(one["reason"]), one["url"] if is_wide() else None]))
    why = reason_text(one["triggerReason"])
    version = one["version"] + kind
    return [str(one["id"]), one["environment"], version, one["status"], ago(_when_of(one)), why, reason]


def _when_of(one: Body) -> str:
    return str(one["finishedAt"] or one["startedAt"] or one["requestedAt"] or one["decidedAt"] or one["createdAt"])
