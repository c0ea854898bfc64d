"""The base of all types of promotion: one class a type, in a file of its own, is all that is known of it.

The fields of the class are the keys of its file: the reader, the JSON Schema and the reference of the documents are
made from them. A package adds a type by an entry point of the group `deploydb.gates`: its name is the type's, its
object the class.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Annotated, ClassVar, Literal, Protocol

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from deploydb.domain.formatting import in_words, instant
from deploydb.domain.gates.context import GateContext
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import CustomReason
from deploydb.domain.unsafe_characters import visible

Description = Annotated[str, Meta(max_length=8192, description="A description for people.")]
Names = tuple[str, ...]
OnError = Literal["block", "fail", "pass"]
"""What a gate comes to that cannot tell."""
ON_ERROR = "What follows where there is no answer: it blocks until there is one, or counts as failed or as passed."
Path = tuple[str | int, ...]
"""Where a value is in its file: keys and indexes from the top."""


class Requirement(Struct, frozen=True, kw_only=True):
    """What a gate waits for: `text` is put behind "needs". `at`: when time meets it (`time`, `window`); None: not in
    sight. `reports`: the jobs by whose success it is met. Every other one counts as met once somebody has seen to it.
    """

    kind: Literal["approval", "report", "time", "window", "other"]
    text: str
    at: Annotated[datetime, Meta(tz=True)] | None = None
    reports: Names = ()


class Dependency(Struct, frozen=True, kw_only=True):
    """A lane of another service, and the version that it must run: a PEP 440 range, or a version to the letter."""

    service: str
    environment: str
    version: str | None = None


class Checks(Protocol):
    """What a promotion may ask and report of its file while that is read. The first problem of a value counts."""

    def problem(self, at: Path, message: str, *, key: bool = False) -> None:
        """Report a problem of the value at a path, or of its key."""

    def refer(self, at: Path, names: Sequence[str], kind: Literal["service", "environment", "group"]) -> None:
        """Report the names that are not configured, and repeated ones."""

    def once(self, at: Path, names: Sequence[str]) -> None:
        """Report repeated names."""

    def has(self, at: Path) -> bool:
        """Whether the file has the key, with a value or below it."""


class Document(Struct, frozen=True, kw_only=True):
    """A promotion's file, each value of its type. `ident`: the name of the file; `type`: as it is written there."""

    ident: str
    type: str = ""
    description: Description = ""

    def configured(self, checks: Checks) -> "Promotion":
        """The promotion; what a schema cannot express is reported to `checks`, and the promotion is then not used."""
        raise NotImplementedError


class Promotion(Document, frozen=True, kw_only=True):
    """A named criterion, as configured."""

    types: ClassVar[Names] = ()
    """Its names in files, of DeployDB's own types: the first is that of the class. Without any it is a base."""
    document: ClassVar[type[Document] | None] = None
    """What its file has, where that is not what the class has."""
    turn: ClassVar[int] = 0
    """When it is asked: a soak after what verifies (1), people after everything else (2)."""
    starves: ClassVar[bool] = False
    """Whether it takes its time with each release, and would never pass where releases are frequent: at an entry, the
    candidate keeps its turn while it runs."""
    asks_people: ClassVar[bool] = False
    """Whether the approvals of its name answer it."""
    asks_provenance: ClassVar[bool] = False
    """Whether it looks at attestations."""
    by_calendar: ClassVar[bool] = False
    """Whether the calendar alone says when it passes, whatever else has passed."""
    not_at_entry: ClassVar[str | None] = None
    """Why it cannot guard the entry of an environment, behind its name; None: it can."""

    def __post_init__(self) -> None:
        if not self.type:
            force_setattr(self, "type", self.types[0] if self.types else self.__class__.__name__)

    def configured(self, checks: Checks) -> "Promotion":
        self.check(checks)
        return self

    def check(self, checks: Checks) -> None:
        """Report what a schema cannot express."""

    def evaluate(self, context: GateContext, others: Sequence[tuple["Promotion", Verdict]]) -> Verdict:
        """The verdict on a deployment, by `context.verdict`. `others`: those that were asked before it.

        Pure: no clock, no I/O. An exception is an ERROR: it blocks, and is asked again.
        """
        raise NotImplementedError

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        """What it needs to pass, of a verdict that is no PASS; None where another gate's needs come first, nothing
        brings it, or what it asks for is there and it has not been evaluated since."""
        return Requirement(kind="other", text=f"{self.ident} to pass")

    def answer(self, context: GateContext) -> tuple[bool, bool] | None:
        """Whether people or jobs have approved, and whether they have refused; None where it asks neither."""
        return None

    @staticmethod
    def reason(code: str, text: str, **params: object) -> CustomReason:
        """A reason of its own. `code`: stable, for programs; `text`: for people, with `{PARAMETER}` in it."""
        values = {name: _kept(value) for name, value in params.items()}
        return CustomReason(name=visible(code), text=visible(text), values=values)

    def keeps_turn(self, verdict: Verdict) -> bool:
        """Whether the candidate that it has not passed at an entry keeps its turn: it takes time with each release, or
        time makes it pass, and not the calendar alone."""
        timed = verdict.outcome is GateStatus.PENDING and verdict.recheck_at is not None
        return self.starves or (timed and not self.by_calendar)

    @property
    def when_error(self) -> OnError:
        """What it comes to if it cannot tell and its time is over. Blocked, people may answer for it."""
        return "block"

    def error_lasts_until(self, context: GateContext, since: datetime) -> datetime | None:
        """When its time is over, if it cannot tell `since` then: until then it may answer. None: it has none."""
        return None

    @property
    def reported_as(self) -> Names:
        """The names under which jobs, or checks, report to it."""
        return ()

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """The lanes of other services that it asks about."""
        return ()

    @property
    def lasts(self) -> timedelta | None:
        """How long it takes at least, for `plan`; None: only history says."""
        return None


def _kept(value: object) -> str | int | float | None:
    """A parameter as it is stored."""
    match value:
        case int() | None:
            return value
        case float():
            return value if isfinite(value) else str(value)
        case datetime():
            return instant(value)
        case timedelta():
            return in_words(value)
        case _:
            return visible(str(value))
