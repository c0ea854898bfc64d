"""DeployDB's own JSON: one fact, or one command, a message."""

import re
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace
from packageurl import PackageURL

from deploydb.domain.artifact import Artifact
from deploydb.domain.commands import DeployCommand
from deploydb.domain.errors import Refused
from deploydb.domain.facts import AnyFact, ArtifactPublished, DeploymentObserved

FACT_CONTENT_TYPE = "application/vnd.deploydb.event.v1+json"
COMMAND_CONTENT_TYPE = "application/vnd.deploydb.command.v1+json"

_facts: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)
_commands = msgspec.json.Decoder(DeployCommand)
_encoder = msgspec.json.Encoder()

T = TypeVar("T")

_AT = re.compile(r"^(?P<what>.*) - at `(?P<path>\$[^`]*)`$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<field>[^`]+)`")


def decode_fact(body: bytes, *, arrived_at: datetime) -> AnyFact:
    """The fact that a message says. Its `time` is always set: the arrival's where the message gives none.

    Raises: Refused, with the path of the field that is wrong, missing or not allowed.
    """
    fact = _decode(_facts, body)
    if isinstance(fact, ArtifactPublished | DeploymentObserved) and fact.artifact.purl is not None:
        fact = replace(fact, artifact=_canonical(fact.artifact))
    return fact if fact.time is not None else replace(fact, time=arrived_at)


def encode_fact(fact: AnyFact) -> bytes:
    """The message that says a fact."""
    fields = msgspec.to_builtins(fact)
    return _encoder.encode({name: value for name, value in fields.items() if value is not None})


def decode_command(body: bytes) -> DeployCommand:
    """The command that a message gives.

    Raises: Refused, with the path of the field that is wrong or missing.
    """
    return _decode(_commands, body)


def encode_command(command: DeployCommand) -> bytes:
    """The message that gives a command."""
    return _encoder.encode(command)


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        body.decode("utf-8")
        _refuse_unstorable(body)
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error
    except msgspec.DecodeError as error:
        raise Refused(f"not JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise Refused(f"not UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from error
    except RecursionError as error:
        raise Refused("nested too deeply") from error


def _refusal(message: str) -> Refused:
    """msgspec's message with the path of the field itself, not of the object that lacks it."""
    found = _AT.match(message)
    what, path = (found["what"], found["path"]) if found else (message, "$")
    missing = _MISSING.search(what)
    return Refused(what, path=f"{path}.{missing['field']}" if missing else path)


def _refuse_unstorable(body: bytes) -> None:
    """Refuse what no database keeps, also in fields that we ignore: they go to the log with the rest.

    An escaped NUL is legal JSON and no text in PostgreSQL; half a surrogate pair is no text at all. Both are rare, so
    the second look at the message is only taken where an escape hints at them.
    """
    if b"\\u0000" not in body and b"\\ud" not in body.lower():
        return
    path = _path_of_nul(msgspec.json.decode(body), "$")
    if path is not None:
        raise Refused("has a NUL character, which cannot be stored", path=path)


def _path_of_nul(value: Any, path: str) -> str | None:  # noqa: ANN401  # any JSON
    match value:
        case str():
            return path if "\0" in value else None
        case dict():
            children = [(member, f"{path}.{key}") for key, member in value.items()]
            named = next((path for key in value if "\0" in key), None)
            return named or next((found for child, at in children if (found := _path_of_nul(child, at))), None)
        case list():
            places = ((member, f"{path}[{index}]") for index, member in enumerate(value))
            return next((found for child, at in places if (found := _path_of_nul(child, at))), None)
        case _:
            return None


def _canonical(artifact: Artifact) -> Artifact:
    """The artifact with its purl re-rendered: `sha256%3A` and `sha256:` are the same purl."""
    try:
        return replace(artifact, purl=PackageURL.from_string(artifact.purl or "").to_string())
    except ValueError as error:
        raise Refused(f"not a package URL: {error}", path="$.artifact.purl") from error
