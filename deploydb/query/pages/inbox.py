"""What the page of the inbox has beside the answer: where each entry leads, and the kinds to choose from."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from deploydb.identity import Person
from deploydb.query.pages.filters import State, counts, held, segment
from deploydb.query.pages.page import Answer, choices, stream_of
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.inbox import signed_in

_STATES = {
    "approval": State("person", "busy", "approval"),
    "failure": State("cross", "bad", "failed"),
    "rollback": State("alert", "bad", "rolled back"),
    "vetoed": State("veto", "bad", "vetoed"),
    "stuck": State("slash", "bad", "stuck"),
    "starved": State("alert", "bad", "starved"),
    "incident": State("alert", "bad", "incident"),
    "workers": State("alert", "bad", "late"),
    "commands": State("sent", "bad", "not taken"),
    "drift": State("drift", "wait", "drift"),
    "contradiction": State("alert", "wait", "contradiction"),
    "dead": State("slash", "wait", "dead letters"),
    "unmatched": State("slash", "wait", "unmatched"),
    "webhook": State("cross", "wait", "webhook"),
    "configuration": State("alert", "wait", "configuration"),
}
_LABELS = {
    "approval": "approvals",
    "failure": "failures",
    "rollback": "rollbacks",
    "incident": "incidents",
    "hold": "holds",
    "contradiction": "contradictions",
    "dead": "dead letters",
    "unmatched": "unmatched facts",
    "webhook": "webhooks",
}

_ORDERED = {"promote", "roll back", "lift"}
"""The acts whose forms are on the page with the orders for a lane."""


def draw_inbox(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    """As `Page.drawn`."""
    service, environment, kind = asked.option("service"), asked.option("environment"), asked.option("kind")
    given = [("service", service), ("environment", environment), ("person", asked.option("person"))]
    kept = [(name, value) for name, value in given if value is not None]

    def address(*chosen: tuple[str, str]) -> str:
        query = urlencode([*kept, *chosen])
        return f"/inbox?{query}" if query else "/inbox"

    kinds = [
        (_LABELS.get(name, name), count, address(("kind", name)), name) for name, count in answer["counts"].items()
    ]
    return {
        "rows": list(_rows(answer["entries"], signed_in(asked))),
        "kinds": kinds,
        "total": sum(answer["counts"].values()),
        "everything": address(),
        "chosen": kind,
        "stream": stream_of(service=service, environment=environment),
        **choices(asked),
    }


def _rows(entries: Sequence[Any], person: Person | None) -> Iterator[dict[str, Any]]:
    """Each with an id of its own: those that name the same are numbered."""
    seen: Counter[str] = Counter()
    for entry in entries:
        row = _row(entry, person)
        seen[row["id"]] += 1
        yield {**row, "id": f"{row['id']}-{seen[row['id']]}"} if seen[row["id"]] > 1 else row


def _row(entry: Any, person: Person | None) -> dict[str, Any]:  # noqa: ANN401  # an entry of the body
    parts = (entry["kind"], entry["deployment"] or "", entry.get("promotion", ""), entry.get("hold", ""))
    has_lane = entry["service"] is not None and entry["environment"] is not None
    verbs = {one["verb"]: one for one in entry["acts"]}
    files = [one["digest"] for one in entry["acts"] if "digest" in one]
    named = [entry[name] or "" for name in ("service", "environment", "version")]
    return {
        **entry,
        "state": held(entry["holdKind"]) if "holdKind" in entry else _STATES[entry["kind"]],
        "verbs": verbs,
        "yours": entry["kind"] == "approval" and person is not None and _awaits(entry, person),
        "is_ordered": has_lane and bool(verbs.keys() & _ORDERED),
        "has_form": bool(files) or (has_lane and bool(verbs.keys() & {*_ORDERED, "retry"})),
        "files": files,
        "address": _address(entry),
        "id": "-".join(_plain(part) for part in (*parts, *(named if not entry["deployment"] else ()))),
    }


def _plain(part: object) -> str:
    """A part of an id that a selector takes, too: htmx looks by one for what it has to keep."""
    return re.sub(r"[^a-zA-Z0-9]", lambda found: f"_{ord(found[0]):x}_", str(part))


def _awaits(entry: Any, person: Person) -> bool:  # noqa: ANN401
    """Whether the person's approval counts, and is missing: of who is signed in, not of who is asked for."""
    return counts(entry, person) and person.name not in entry["reason"]["params"].get("approved_by", ())


def _address(entry: Any) -> str:  # noqa: ANN401
    """Of the page that says more."""
    service, environment, version = entry["service"], entry["environment"], entry["version"]
    if entry["kind"] == "contradiction" and version is not None:
        return f"/where?what={segment(':'.join((entry['module'], version)))}"
    if entry["kind"] == "hold" or service is None or environment is None:
        known = {name: entry[name] for name in ("service", "environment") if entry[name] is not None}
        if entry["kind"] != "hold":
            return f"/services/{segment(service)}" if service is not None else "/operations"
        return f"/status?{urlencode(known)}" if known else "/status"
    lane = f"/why/{segment(service)}/{segment(environment)}"
    return f"{lane}?version={segment(version)}" if version is not None else lane
