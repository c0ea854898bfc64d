"""The names of facts, compared with what is configured and stored, before the facts are published: one that matches
nothing is kept, and does nothing."""

from contextlib import suppress

import click

from deploydb.cli.client import Body, ask
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.errors import DeployDBError, NotFound, Permanent, Transient
from deploydb.domain.model.facts import AboutDeployment, ArtifactAccepted, ArtifactPublished, DeploymentFinished, Fact
from deploydb.domain.model.publications import REMEDY

_MOST = 200
"""Questions for one file of facts, unless each fact has to be checked."""
_COMPARED = ("service", "environment", "version", "promotion", "deployment", "command")


def require_known(**names: str | None) -> None:
    """Return only where each name exists; those that are None are left out.

    Raises: NotFound with the names that do not exist, each with the nearest one that does; Transient without an answer.
    """
    unknown = ask("names", **names)["unknown"]
    if unknown:
        raise NotFound("; ".join(one["why"] for one in unknown))


def warn_of_person(name: str) -> None:
    """Warn of a person whom neither the groups nor the log have, where one that they have may be meant."""
    with suppress(DeployDBError):  # the order itself reports what is wrong
        for one in ask("names", person=name)["unknown"]:
            if "nearest" in one:
                click.echo(one["why"], err=True)


class KnownNames:
    """The answers of the query service on the names of facts, each asked for once. `strict`: an answer is needed.

    Facts are checked in their order: a version that an earlier one publishes is known to the later ones.
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._answers: dict[tuple[tuple[str, object], ...], Body] = {}
        self._coming: set[tuple[str, str]] = set()
        self.unchecked = 0
        self.reason: str | None = None
        """Why facts are `unchecked`."""

    def problems(self, fact: Fact) -> list[str]:
        """The names of the fact that match nothing, each with the nearest one that does. Warns of a contradiction.

        Raises: as `ask`, if strict.
        """
        names = _names(fact)
        answer = self._answer(names) if names else None
        if answer is None:
            return []
        if isinstance(fact, ArtifactPublished):
            self._coming |= {(service, fact.artifact.version) for service in answer["services"]}
        if answer["contradiction"] is not None:
            click.echo(f"contradiction: {answer['contradiction']}. {REMEDY}", err=True)
        is_coming = (names.get("service"), names.get("version")) in self._coming
        return [str(one["why"]) for one in answer["unknown"] if not (is_coming and one["name"] == "version")]

    def _answer(self, names: dict[str, object]) -> Body | None:
        key = tuple(names.items())
        if key in self._answers:
            return self._answers[key]
        if self.reason is None and len(self._answers) >= _MOST and not self._strict:
            self.reason = f"more than {_MOST} are not looked up; --strict does"
        if self.reason is not None:
            self.unchecked += 1
            return None
        try:
            return self._answers.setdefault(key, ask("names", **names))
        except (Transient, Permanent, click.UsageError) as error:
            if self._strict:
                raise
            self.unchecked += 1
            self.reason = error.message if isinstance(error, click.UsageError) else str(error)
            return None


def _names(fact: Fact) -> dict[str, object]:
    """The parameters of the question whether all that the fact names exists."""
    found = {name: getattr(fact, name, None) for name in _COMPARED}
    file = getattr(fact, "artifact", None)
    makes_its_own = isinstance(fact, DeploymentFinished) and fact.historical
    if not isinstance(fact, AboutDeployment) or makes_its_own:
        del found["version"]
    if isinstance(fact, ArtifactPublished):
        about = fact.artifact
        found |= {"module": about.module, "version": about.version, "digest": about.digest, "url": about.url}
    elif isinstance(fact, ArtifactAccepted):
        found["module"] = fact.artifact.module
    elif not isinstance(file, Artifact):
        found["module"] = file
    return {name: value for name, value in found.items() if value is not None}
