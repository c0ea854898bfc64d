"""`status`: where does which version run."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.options import past_option, watched
from deploydb.cli.output import ago, is_shown, is_wide, outlook_text, output_option, reason_text, show_table, show_words
from deploydb.domain.model.publications import REMEDY
from deploydb.query.column import Column
from deploydb.query.hold_words import whole
from deploydb.query.status_words import MEANINGS

_LANES = Column("SERVICE"), Column("ENVIRONMENT"), Column("HERE", "text")


@click.command()
@click.option("--service", metavar="NAME", help="Of this service only.")
@click.option("--environment", metavar="NAME", help="In this environment only.")
@click.option("--team", metavar="NAME", help="Of the services of this team only.")
@click.option("--label", metavar="KEY:VALUE", help="Of the services with this label only; KEY alone: with any value.")
@past_option("--at", help="What ran then: 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d.")
@past_option("--known-at", help="What was believed then; without --at, of that time.")
@click.option("--compare", type=click.Choice(["now"]), help="Of the past: mark what runs another version now.")
@output_option
@watched
def status(
    service: str | None,
    environment: str | None,
    team: str | None,
    label: str | None,
    at: str | None,
    known_at: str | None,
    compare: str | None,
    output: str,
) -> None:
    """What runs where, since when, and what is on its way.

    A row a service, a column an environment. In a cell: the version, its status, since when; then what is not there
    yet, with its status; then what failed there last and what was done about it (✗), and open incidents (!); then what
    should run there and does not (≠); of a past that is compared with now, what runs there now (⇒); then which holds
    stand over it. The holds are listed below, with the reasons of
    drift, the services that are set aside since their evaluation failed, and the starved lanes. With -o wide each
    version has its deployment's number.

    COMPLETED is deployed, and not all of its promotions have passed yet; SUCCESS is deployed, and all have.

    \b
    Examples:
      deploydb status
      deploydb status --service storefront -o json
      deploydb status --team Payments --label tier:gold
      deploydb status --environment prod --at 2026-11-17T14:05:00Z
      deploydb status --at 2h --compare now
      deploydb status --watch
    """
    if compare and not (at or known_at):
        raise click.UsageError("--compare needs a time to compare with now: give --at or --known-at")
    narrowed = {"service": service, "environment": environment, "team": team, "label": label}
    body = ask("status", **narrowed, at=at, known_at=known_at, compare=compare)
    if is_shown(output, body, lambda: (f"lane/{one['service']}/{one['environment']}" for one in body["lanes"])):
        return
    environments: list[str] = body["environments"]
    cells: dict[str, dict[str, str]] = {}
    for lane in body["lanes"]:
        cells.setdefault(lane["service"], {})[lane["environment"]] = _cell(lane)
    show_matrix(environments, cells)
    holds = [
        whole(*(hold[name] for name in ("kind", "service", "environment", "text")))
        for lane in body["lanes"]
        for hold in lane["holds"]
    ]
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
    changes = lane.get("changed", ())
    several = len({one["module"] for one in (*lane["running"], *lane["pending"], *changes)}) > 1
    running = [f"{_named(one, several, vetoed)} {one['status']} {ago(one['since'])}" for one in lane["running"]]
    pending = [f"→ {_coming(one)}{_named(one, several, vetoed)} {_state(one)}" for one in lane["pending"]]
    failed = [
        f"✗ {_coming(one)}{_named(one, several, vetoed)} FAILED{_when(one['since'])}: {_response(one)}"
        for one in lane.get("failed", ())
    ]
    incidents = [f"! {_incident(one)}" for one in lane.get("incidents", ())]
    held = list(dict.fromkeys(_HELD[hold["kind"]] for hold in lane["holds"] if hold["kind"] != "veto"))
    missed = [f"≠ {one['expected']} expected" for one in lane["drift"]]
    changed = [f"⇒ {_module(one) if several else ''}{one['now'] or 'nothing'} now" for one in changes]
    cell = ", ".join([*running, *pending, *failed, *incidents, *missed, *changed]) or "-"
    return f"{cell} [{', '.join(held)}]" if held else cell


def _contradictions(lanes: list[Body]) -> list[str]:
    found = ((lane, one) for lane in lanes for one in (*lane["running"], *lane["pending"]) if "conflict" in one)
    return [f"{lane['service']} {one['version']} is contradicted: {one['conflict']}. {REMEDY}" for lane, one in found]


def _drift(lane: Body, drift: Body) -> str:
    return f"{lane['service']} in {lane['environment']} should run {drift['expected']}: {reason_text(drift['reason'])}"


def _named(one: Body, several: bool, vetoed: Collection[str]) -> str:
    version = f"{_module(one) if several else ''}{one['version']}"
    version += f" #{one['deployment']}" if is_wide() else ""
    version += " (contradicted)" if "conflict" in one else ""
    return f"{version} (vetoed)" if one["version"] in vetoed else version


def _module(one: Body) -> str:
    return f"{str(one['module']).partition(':')[2]} "


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
