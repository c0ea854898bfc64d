"""The inbox: what needs somebody now."""

from collections.abc import Iterable, Sequence
from typing import get_args

from deploydb.query.column import Column
from deploydb.query.inbox_entry import Kind
from deploydb.query.resource import number, text
from deploydb.query.view import Ago, Body, Cell, Command, Table, Until, View


def _row(entry: Body) -> Sequence[Cell]:
    needs = f"{entry['kind']} (yours)" if entry.get("mine") else entry["kind"]
    when = ("ends", Until(entry["until"])) if entry["until"] else Ago(entry["since"])
    lane = entry["service"] or "", entry["environment"] or "", entry["version"] or ""
    return needs, *lane, entry["text"], when, entry["acts"][0]["command"]


def _tables(body: Body) -> Iterable[Table]:
    last = body["lastRelease"]
    lead: Sequence[Cell] = ()
    if not body["entries"] and last is not None:
        release = f"{last['service']} {last['version']} in {last['environment']}"
        lead = [("Last release:", release, Ago(last["since"]))]
    yield Table(map(_row, body["entries"]), lead=lead)


def _names(body: Body) -> Iterable[str]:
    for entry in body["entries"]:
        yield "/".join([entry["kind"], *(entry[part] for part in ("service", "environment", "version") if entry[part])])


VIEW = View(
    path="/api/inbox",
    parameters=(
        text("service", "Of this service only, and what is of no service."),
        text("environment", "In this environment only, and what is in none."),
        text("kind", "Of this kind only.", *get_args(Kind)),
        text("person", "The person whose approvals come before other approvals; by default who asks."),
        number("limit", "How many at most.", least=1, most=1000, default=100),
    ),
    momentary=True,
    template="inbox.html",
    title="Inbox",
    command=Command(
        purpose="What needs somebody now.",
        about="What needs somebody now: failures, rollbacks, stuck and starved releases, approvals that wait, drift, "
        "holds that end soon or have stood for long, contradictions, messages and files with problems. An act stands "
        "beside each; -o json has all of them. WHY in a command stands for the reason that it asks for.",
        examples=("inbox", "inbox --person alice --kind approval", "inbox --service storefront -o json"),
        member="lastRelease",
        names=_names,
        columns=(
            Column("NEEDS"),
            Column("SERVICE"),
            Column("ENVIRONMENT"),
            Column("VERSION", "version"),
            Column("WHAT", "text"),
            Column("SINCE"),
            Column("ACT", gives_way=1),
        ),
        tables=_tables,
        empty="Nothing needs attention.",
        most=2,
        more="There are more: --limit has them listed.",
    ),
)
