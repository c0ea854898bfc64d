"""Where something is: is my commit in prod?"""

from collections.abc import Iterator, Sequence

from deploydb.domain.model.publications import REMEDY
from deploydb.query.column import Column
from deploydb.query.view import Ago, Body, Cell, Command, Table, View


def _tables(body: Body) -> Iterator[Table]:
    for found in body["artifacts"]:
        commit = f", commit {found['commit'][:12]}" if found["commit"] else ""
        title = f"{found['module']} {found['version']}{commit}, published"
        lead: list[Cell] = [(title, Ago(found["publishedAt"]))]
        if "conflict" in found:
            lead.append(f"Contradicted: {found['conflict']}. {REMEDY}")
        if "accepted" in found:
            accepted = found["accepted"]
            lead.append((f"Accepted by {accepted['by']}: {accepted['reason']}", Ago(accepted["at"])))
        lead += [one["reason"]["text"] for one in found.get("untaken", ())]
        yield Table(map(_row, found["places"]), lead=lead)


def _row(place: Body) -> Sequence[Cell]:
    since, until, now = place["since"], place["until"], place["now"]
    when = ("from", Ago(since), "to", Ago(until)) if since is not None and until is not None else Ago(since)
    instead = (now["version"], *(("(newer)",) if now["newer"] else ())) if now is not None else None
    state = f"{place['state']}, {place['status']}" if place["state"] in ("runs", "coming") else place["state"]
    state += f" ({place['veto']})" if "veto" in place else ""
    return place["service"], place["environment"], state, when, instead, place["reason"]


VIEW = View(
    path="/api/where/{what:path}",
    command=Command(
        purpose="Is my commit in prod?",
        about="Where WHAT is: a commit (7 digits or more of it), a digest, a package URL, GROUP:NAME:VERSION, or a "
        "version.\n\nA row for each environment that it has come to, is on its way to, or will never come to.",
        examples=(
            "where 4f9c1d2",
            "where com.example:storefront:1.4.0",
            "where sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 -o json",
        ),
        member="artifacts",
        names=lambda body: (f"artifact/{one['id']}" for one in body["artifacts"]),
        columns=(
            Column("SERVICE"),
            Column("ENVIRONMENT"),
            Column("STATE"),
            Column("WHEN", "text", gives_way=2),
            Column("NOW THERE", "text"),
            Column("REASON", "text", gives_way=1),
        ),
        tables=_tables,
        empty="It went nowhere.",
        more="There are more: ask for a longer part of the commit.",
    ),
)
