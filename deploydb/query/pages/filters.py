"""How pages say things: states with their shapes, times, addresses, command lines."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import Struct

from deploydb.domain.formatting import UNITS, span, span_left
from deploydb.identity import Person
from deploydb.query.request_context import in_utc
from deploydb.query.status_words import MEANINGS

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)")


class State(Struct, frozen=True):
    """A shape, a colour and a word: each says it without the others. `icon` and `tone` are names in the templates."""

    icon: str
    tone: str
    word: str


STATES = {
    "SUCCESS": State("ok", "good", "success"),
    "COMPLETED": State("half", "busy", "completed"),
    "STARTED": State("play", "busy", "started"),
    "CREATED": State("sent", "busy", "created"),
    "NOT_STARTED": State("clock", "wait", "not started"),
    "FAILED": State("cross", "bad", "failed"),
    "SKIPPED": State("slash", "off", "skipped"),
    "PASS": State("ok", "good", "pass"),
    "PENDING": State("clock", "wait", "pending"),
    "FAIL": State("cross", "bad", "fail"),
    "ERROR": State("alert", "bad", "error"),
}
_UNKNOWN = State("slash", "off", "unknown")
NEVER = State("slash", "off", "will not come")
HOLDS = {
    "pin": State("pin", "wait", "pinned"),
    "veto": State("veto", "bad", "vetoed"),
    "freeze": State("freeze", "busy", "frozen"),
    "pause": State("pause", "wait", "paused"),
}


def state(status: str) -> State:
    """Of a deployment's status or a gate's verdict."""
    return STATES.get(status, _UNKNOWN)


def coming(pending: Mapping[str, Any]) -> State:
    """Of what does not run yet, by its status; of what will not come, that."""
    outlook = pending.get("outlook")
    return NEVER if outlook and outlook["verdict"] == NEVER.word else state(pending["status"])


def obstacle(pending: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The reason of what does not run yet, or that for which it will not come."""
    found: Mapping[str, Any] | None = pending["outlook"]["reason"] if coming(pending) is NEVER else pending["reason"]
    return found


def meaning(status: str) -> str:
    """`COMPLETED: deployed; not all of its promotions have passed yet`; of a verdict its name alone."""
    return f"{status}: {MEANINGS[status]}" if status in MEANINGS else status


def passed_by(reason: Mapping[str, Any] | None) -> bool:
    """Whether a deployment was skipped since a newer version went past: a body of its reason."""
    while reason is not None and reason["code"] == "skipped_upstream":
        reason = {"code": reason["params"]["reason"]["code"], "params": reason["params"]["reason"]}
    return reason is not None and reason["code"] in ("superseded", "newer_is_live")


def plain_kind(type_: str) -> str:
    """`soak`, `depends on`: the type of a promotion in words; one that people answer is an `approval`."""
    words = _CAPITAL.sub(" ", type_.removesuffix("Promotion")).lower()
    return "approval" if words == "manual" else words


def held(kind: str) -> State:
    return HOLDS.get(kind, _UNKNOWN)


def moment(text: str) -> datetime:
    """A time of a body."""
    return datetime.fromisoformat(text)


def age(then: str, now: datetime) -> str:
    """`12s ago`, `3h ago`, `5d ago`; `in 3h` for what is to come."""
    seconds = int(lasted(then, now))
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span_left(-seconds)}"


def lasted(since: str, until: datetime) -> float:
    """In seconds."""
    return (until - moment(since)).total_seconds()


def spelled(seconds: float) -> str:
    """`2d 3h`, `1h 30m`, `45s`: the two largest units."""
    parts = []
    rest = int(max(seconds, 0))
    for size, unit in (*UNITS, (1, "s")):
        if rest >= size:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return " ".join(parts[:2]) or "0s"


def absolute(text: str) -> str:
    """`2026-11-22 12:00:00 UTC`."""
    return f"{moment(text).astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'seconds')} UTC"


def times_apart(text: str) -> list[tuple[str, bool]]:
    """The parts of a sentence, and whether each is a time."""
    return [(part, place % 2 == 1) for place, part in enumerate(_WRITTEN.split(text))]


def times(body: object) -> str:
    """All times of a body, or of a part of one, with blanks between: its sentences are made from them."""
    return " ".join(dict.fromkeys(_times(body)))


def _times(body: object) -> Iterator[str]:
    match body:
        case str() if _TIME.fullmatch(body):
            yield body
        case Mapping():
            for value in body.values():
                yield from _times(value)
        case list():
            for value in body:
                yield from _times(value)


def stamp(time: datetime) -> str:
    """A time in UTC for machines, to the second: `2026-11-22T12:00:00Z`."""
    return f"{time.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def typed(text: str) -> str:
    """A time as a field for times wants it: in UTC, without saying so."""
    return f"{in_utc(moment(text)):%Y-%m-%dT%H:%M:%S}"


def segment(text: object) -> str:
    """A name as one segment of an address."""
    return quote(str(text), safe="")


def why_address(service: str, environment: str, version: str) -> str:
    """The page of a version in a lane."""
    return f"/why/{segment(service)}/{segment(environment)}?version={segment(version)}"


def reachable(url: str | None) -> str | None:
    """An address that a link may lead to; None for any other: who publishes facts may write what they like."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


def command_line(words: Sequence[str]) -> str:
    return shlex.join(["deploydb", *words])


def counts(gate: Mapping[str, Any], person: Person) -> bool:
    """Whether the approval of a person counts at a gate, as answers have it."""
    who = gate.get("approvers")
    return (who is None or person.name in who) and person.name not in gate.get("notApprovers", ())
