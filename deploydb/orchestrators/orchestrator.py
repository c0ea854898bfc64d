"""One configured orchestrator: `orchestrators/NAME.yml`, read."""

import base64
import re
from abc import abstractmethod
from datetime import timedelta
from typing import Annotated, ClassVar, Protocol

from msgspec import Meta, Struct

from deploydb.domain.suggestions import suggestion
from deploydb.domain.templates import address_problem

from .conversation import Conversation
from .run import Finished, Run, Running
from .task import CONFIGURED, PLACES, Task, unknown

IN_PLACES = (
    "Places: {service}, {environment}, {version}, {deployment}, {group}, {name}, {digest}, {commit}, {command}, "
    "{flow}, {type} (deploy, rollback), {attempt}, {url} (of the artifact), {reason}."
)
VARIABLE = re.compile(r"DEPLOYDB_ORCHESTRATOR_[A-Z0-9_]{1,100}")
SHORTEST_LOOK = timedelta(seconds=1)

Path = tuple[str | int, ...]


class Checks(Protocol):
    """Where a file's problems go, at the path of the value that has it."""

    def problem(self, at: Path, message: str, *, key: bool = False) -> None: ...


class Orchestrator(Struct, frozen=True, kw_only=True):
    """A tool that runs deployments. Its conversations raise Trouble; `find` raises Lost, too."""

    kind: ClassVar[str]
    """Its `type` in files."""
    settles: ClassVar[timedelta] = timedelta(seconds=5)
    """How long after a lost answer a run can be found at the latest."""

    ident: str
    type: Annotated[str, Meta(description="The tool.")]
    token_from: Annotated[
        str | None,
        Meta(
            description="The variable of `orchestrate` that holds the credential: DEPLOYDB_ORCHESTRATOR_ and a name. "
            "NAME_FILE may name a file that holds it."
        ),
    ] = None
    poll_every: Annotated[
        timedelta, Meta(description="The pause between two looks at a run in its first minute; it grows from then on.")
    ] = timedelta(seconds=5)
    poll_at_most: Annotated[timedelta, Meta(description="The longest such pause.")] = timedelta(minutes=1)
    description: Annotated[str, Meta(description="For people.", max_length=8192)] = ""

    @property
    def file(self) -> str:
        """Its file, for messages."""
        return f"orchestrators/{self.ident}.yml"

    def pause(self, running_for: timedelta) -> timedelta:
        """The pause before the next look at a run."""
        return min(max(self.poll_every, running_for / 12), max(self.poll_at_most, self.poll_every))

    def check(self, checks: Checks) -> None:
        """Report what is wrong with the values."""
        if self.token_from is not None and not VARIABLE.fullmatch(self.token_from):
            message = "expected DEPLOYDB_ORCHESTRATOR_ and a name, and not the credential itself"
            checks.problem(("token_from",), message)

    def secrets(self, token: str) -> tuple[str, ...]:
        """The credential as requests have it: an answer may repeat it."""
        return (token, base64.b64encode(token.encode()).decode())

    @property
    def searches(self) -> bool:
        """Whether None of `find` says that nothing has begun; else that a start may be repeated."""
        return True

    @abstractmethod
    def find(self, task: Task) -> Conversation[Run | None]:
        """The run of a command whose start may have been taken; None where it was not, see `searches`."""

    @abstractmethod
    def start(self, task: Task) -> Conversation[Run]:
        """Start the command's run."""

    @abstractmethod
    def poll(self, task: Task, run: Run) -> Conversation[Running | Finished]:
        """Look at a run."""


def check_address(checks: Checks, at: Path, url: str) -> None:
    """Check that it is an address without secrets and places."""
    problem = address_problem(url)
    if problem is not None:
        checks.problem(at, problem)
    elif unknown(url, ()):
        checks.problem(at, "may have no place in it: the credential is sent there")


def check_text(checks: Checks, at: Path, text: str, places: tuple[str, ...] = PLACES) -> None:
    """Check the places of a text."""
    for name in unknown(text, places):
        if name in PLACES:
            checks.problem(at, f"may not have {{{name}}} in it, which publishers choose: only {', '.join(CONFIGURED)}")
        else:
            hint = suggestion(name, places)
            checks.problem(at, f"there is nothing to put in the place of {{{name}}}{hint}")
