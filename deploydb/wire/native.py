"""DeployDB's own JSON: one fact, or one command, a message.

Unknown fields are ignored, but stay in the log. So a database must be able to keep and return them (`offences`). In
people's orders they are refused: a misspelt `until` would be an order without an end. Of a repeated key the last one
counts, as in every common parser.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from msgspec.structs import replace
from packageurl import PackageURL

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import DeployCommand, Notification
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.fact import ID_MARK
from deploydb.domain.model.facts import ORDERS, OWN_SOURCE, Fact, fact_types, type_of
from deploydb.domain.person_names import person_name
from deploydb.domain.suggestions import close_match, shown
from deploydb.settings import MAX_BODY_BYTES
from deploydb.wire.error_messages import OR_UPGRADE, explain, shortened
from deploydb.wire.payload_checks import MAX_NESTING, find_offence

FACT_CONTENT_TYPE = "application/vnd.deploydb.event.v1+json"
NOTIFICATION_CONTENT_TYPE = "application/vnd.deploydb.notification.v1+json"
COMMAND_CONTENT_TYPE = "application/vnd.deploydb.command.v1+json"

MAX_AHEAD = timedelta(minutes=5)
"""How far a source's clock may be ahead of ours, for its times to order its facts. A time further ahead is wrong, and
that of the arrival counts in its place. From a person on this machine it is a mistake."""


class _Sent(msgspec.Struct):
    time: datetime | None = None


_FACTS = fact_types()
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{7,64}")
_times = msgspec.json.Decoder(_Sent)
_facts: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(reduce(or_, _FACTS))
_commands = msgspec.json.Decoder(DeployCommand)
_notifications = msgspec.json.Decoder(Notification)
_anything = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()

T = TypeVar("T")


def decode_fact(body: bytes, *, arrived_at: datetime) -> Fact:
    """Decode a fact, with its times in UTC. Without a `time`, or with one too far ahead, it gets that of the arrival.

    Raises: MessageRejected, with the path of the wrong, missing or forbidden field.
    """
    return decode_arrived(body, arrived_at=arrived_at)[0]


def decode_arrived(body: bytes, *, arrived_at: datetime) -> tuple[Fact, datetime | None]:
    """As `decode_fact`; and the time that the fact was sent with, where that of the arrival counts in its place."""
    fact, sent = _decode_logged(body, arrived_at)
    if ID_MARK in fact.id:
        raise MessageRejected(f"{ID_MARK} is reserved: leave it out of the id", path="$.id")
    if (getattr(fact, "by", None) or "-").isspace():
        raise MessageRejected("is blank: expected the name of a person", path="$.by")
    if isinstance(fact, ORDERS):
        _require_known_fields(fact, body)
    return fact, sent


def decode_logged(body: bytes, *, arrived_at: datetime) -> Fact:
    """Decode a fact as the log may have it: under an id that the log has given, of an earlier release with unknown
    fields. Raises: as `decode_fact`."""
    return _decode_logged(body, arrived_at)[0]


def _decode_logged(body: bytes, arrived_at: datetime) -> tuple[Fact, datetime | None]:
    fact = decode_as(_facts, _FACTS, body)
    if fact.source == OWN_SOURCE:
        raise MessageRejected(f"{OWN_SOURCE} is the source of DeployDB's own decisions: name another", path="$.source")
    for name, path, normalized in _NORMALIZED[type(fact)]:
        value = getattr(fact, name)
        if value is not None and (normal := normalized(value, path)) is not value:
            fact = replace(fact, **{name: normal})
    if fact.time is None:
        return replace(fact, time=arrived_at), None
    time = fact.time if fact.time.tzinfo is UTC else _in_utc(fact.time, "$.time")
    if time > arrived_at and time > arrived_at + MAX_AHEAD:
        return replace(fact, time=arrived_at), time
    return fact if time is fact.time else replace(fact, time=time), None


def time_ahead(body: bytes, than: datetime) -> timedelta:
    """How far the `time` of a fact that can be decoded is ahead of another; zero where it is not, or has none."""
    sent = _times.decode(body).time
    return max(sent - than, timedelta(0)) if sent is not None else timedelta(0)


def require_past(body: bytes, now: datetime) -> None:
    """For facts that are written on this machine, by its clock. Raises: MessageRejected for a time in the future."""
    if (ahead := time_ahead(body, now)) > MAX_AHEAD:
        problem = f"{(now + ahead).isoformat()} is in the future: it is {now.isoformat(timespec='seconds')}"
        raise MessageRejected(f"{problem}; correct it, or leave `time` out", path="$.time")


def oversized(size: int) -> MessageRejected:
    """The rejection of a message of `size` bytes."""
    return MessageRejected(f"has {size} bytes; at most {MAX_BODY_BYTES} are taken")


def encode_fact(fact: Fact | dict[str, Any]) -> bytes:
    """Encode a fact, or the fields of one, without those that are empty."""
    fields = msgspec.to_builtins(fact)
    return _encoder.encode({name: value for name, value in fields.items() if value is not None})


def decode_command(body: bytes) -> DeployCommand:
    """Decode a command. Raises: MessageRejected, with the path of the wrong or missing field."""
    return decode_as(_commands, (DeployCommand,), body)


def encode_command(command: DeployCommand) -> bytes:
    """Encode a command."""
    return _encoder.encode(command)


def decode_notification(body: bytes) -> Notification:
    """Decode a notification. Raises: MessageRejected, with the path of the wrong or missing field."""
    return decode_as(_notifications, (Notification,), body)


def encode_notification(notification: Notification) -> bytes:
    """Encode a notification."""
    return _encoder.encode(notification)


def decode_as(decoder: msgspec.json.Decoder[T], structs: tuple[type[msgspec.Struct], ...], body: bytes) -> T:
    """Decode what a database can keep. `structs`: what the decoder may return. Raises: MessageRejected."""
    if len(body) > MAX_BODY_BYTES:
        raise oversized(len(body))
    try:
        body.decode("utf-8")
        value = decoder.decode(body)
        _anything.decode(body)  # the typed decoder skips unknown fields without parsing them
    except UnicodeDecodeError as error:
        raise MessageRejected(f"not UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from error
    except RecursionError as error:
        raise MessageRejected(f"nested more than {MAX_NESTING} deep") from error
    except msgspec.ValidationError as error:
        raise find_offence(body) or explain(str(error), structs, body) from error
    except msgspec.DecodeError as error:
        raise find_offence(body) or MessageRejected(f"not JSON: {error}" if body else "the message is empty") from error
    if b"\\u0000" in body or body.count(b"[") + body.count(b"{") > MAX_NESTING:
        offence = find_offence(body)
        if offence is not None:
            raise offence
    return value


def _require_known_fields(fact: Fact, body: bytes) -> None:
    known = {"type", *fact.__struct_encode_fields__}
    unknown = next((name for name in _anything.decode(body) if name not in known), None)
    if unknown is not None:
        fields = ", ".join(sorted(known))
        problem = f"is no field of {type_of(fact)}{close_match(unknown, known) or OR_UPGRADE}"
        raise MessageRejected(f"{problem}; its fields are {fields}", path=f"$.{shown(unknown)}")


def _in_utc(time: datetime, path: str) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise MessageRejected(f"{time.isoformat()} is out of range", path=path) from error


def _canonical(artifact: Artifact, path: str) -> Artifact:
    """Render the artifact's purl again: `sha256%3A` and `sha256:` are the same purl. One commit has one spelling."""
    if artifact.commit is not None and (commit := _commit(artifact.commit, path)) is not artifact.commit:
        artifact = replace(artifact, commit=commit)
    if artifact.purl is None:
        return artifact
    try:
        return replace(artifact, purl=PackageURL.from_string(artifact.purl or "").to_string())
    except ValueError as error:
        raise MessageRejected(shortened(f"not a package URL: {error}"), path=f"{path}.purl") from error


def _commit(commit: str, _path: str) -> str:
    """In small letters, as Git writes it, where it is hexadecimal."""
    return commit.lower() if _HEXADECIMAL.fullmatch(commit) and not commit.islower() else commit


def _normalizers(struct: type[Fact]) -> list[tuple[str, str, Callable[[Any, str], Any]]]:
    """How the fields that have several spellings get one: times but `time` itself, artifacts, commits, and names of
    people. Each with its path."""
    hints = get_type_hints(struct)
    names = zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True)
    kinds = [(name, f"$.{encoded}", get_args(hints[name]) or (hints[name],)) for name, encoded in names]
    known = ((datetime, _in_utc), (Artifact, _canonical))
    found: list[tuple[str, str, Callable[[Any, str], Any]]] = [
        (name, path, normalize)
        for name, path, each in kinds
        if name != "time"
        for kind, normalize in known
        if kind in each
    ]
    if "commit" in hints:
        found.append(("commit", "$.commit", _commit))
    return [*found, ("by", "$.by", lambda name, _: person_name(name))] if "by" in hints else found


_NORMALIZED = {struct: _normalizers(struct) for struct in _FACTS}
