"""The parameters of a run, and the one by which it is found again."""

from typing import Annotated

from msgspec import Meta

from .orchestrator import IN_PLACES, Checks, Orchestrator, check_text
from .task import Task

COMMAND_PARAMETER = "DEPLOYDB_COMMAND"
"""The parameter that each run is given beside those of the file: by it the run is found again."""
_USUAL = {
    "DEPLOYDB_SERVICE": "{service}",
    "DEPLOYDB_ENVIRONMENT": "{environment}",
    "DEPLOYDB_VERSION": "{version}",
    "DEPLOYDB_TYPE": "{type}",
}


class WithParameters(Orchestrator, frozen=True, kw_only=True):
    """A tool whose runs have parameters by name: inputs, variables or options."""

    parameters: Annotated[
        dict[str, str] | None,
        Meta(
            description=f"Parameters of the run: inputs, variables or options. {IN_PLACES} "
            f"By default {', '.join(_USUAL)}."
        ),
    ] = None

    def check(self, checks: Checks) -> None:
        super().check(checks)
        for name, text in (self.parameters or {}).items():
            if name == COMMAND_PARAMETER:
                checks.problem(("parameters", name), "is DeployDB's own, and given with each run", key=True)
            check_text(checks, ("parameters", name), text)

    def given(self, task: Task) -> dict[str, str]:
        """The parameters of a command's run."""
        chosen = _USUAL if self.parameters is None else self.parameters
        return {**task.texts(dict(chosen)), COMMAND_PARAMETER: task.id}
