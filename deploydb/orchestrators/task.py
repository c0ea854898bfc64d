"""One command for a tool, and the values that it puts into texts."""

from datetime import datetime, timedelta

from msgspec import Struct

from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.templates import PLACES as OF_DEPLOYMENTS
from deploydb.domain.templates import Template, plain, unknown_places

PLACES = (*OF_DEPLOYMENTS, "command", "flow", "type", "attempt", "url", "reason")
"""What may stand in braces in the texts of an orchestrator. `url` is the artifact's."""
CONFIGURED = ("service", "environment", "type")
"""Those whose values no publisher chooses: for names of jobs, repositories and apps."""
_CLOCKS = timedelta(minutes=1)
"""By how much a tool's clock may be behind ours."""


class Task(Struct, frozen=True, kw_only=True):
    """A command. `token`: the tool's credential, empty for none. `since`: when it was taken, by our clock."""

    command: DeployCommand
    token: str
    since: datetime

    @property
    def id(self) -> str:
        """The command's id, by which the tool's run is found again."""
        return self.command.id

    @property
    def searched_since(self) -> datetime:
        """What the tool has begun before that is no run of the command."""
        return self.since - _CLOCKS

    @property
    def values(self) -> dict[str, str]:
        """A value for each place; what is not known is empty."""
        command, artifact = self.command, self.command.artifact
        return {
            "service": command.service,
            "environment": command.environment,
            "version": artifact.version,
            "deployment": str(command.deployment),
            "group": artifact.group,
            "name": artifact.name,
            "digest": artifact.digest or "",
            "commit": artifact.commit or "",
            "command": command.id,
            "flow": "" if command.flow is None else str(command.flow),
            "type": command.type,
            "attempt": str(command.attempt),
            "url": artifact.url or "",
            "reason": command.reason,
        }

    def text(self, template: str) -> str:
        """The text with the values as they are."""
        return plain(template, PLACES).fill_with(self.values)

    def filled(self, template: Template) -> str:
        """The template with the values. Raises: ValueError with the first problem of the template."""
        return template.fill_with(self.values)

    def texts(self, templates: dict[str, str]) -> dict[str, str]:
        """Each text by its name."""
        return {name: self.text(template) for name, template in templates.items()}


def unknown(text: str, places: tuple[str, ...] = PLACES) -> list[str]:
    """The words in braces that stand for nothing."""
    return unknown_places(text, places)
