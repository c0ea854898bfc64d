"""The names of a fact, compared with what is configured and stored: a fact that matches nothing is kept, and does
nothing."""

from collections.abc import Iterator
from functools import cached_property

from deploydb.cli.client import ask, ask_all
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.errors import NotFound, Permanent, Transient
from deploydb.domain.model.facts import AboutDeployment, ArtifactPublished, Fact
from deploydb.domain.model.promotions import FREEZE
from deploydb.domain.suggestions import shown, suggestion

_MOST_LANES = 200
"""Versions in lanes that are looked up for one file of facts."""


class KnownNames:
    """What is configured, read once. Each method raises as `ask`."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, str, str], str | None] = {}
        self._away = False

    def unknown(self, fact: Fact) -> list[str]:
        """Which names of the fact match nothing, each with the nearest one that does; none after a failure."""
        try:
            return [] if self._away else list(self._unknown(fact))
        except (Transient, Permanent):
            self._away = True
            raise

    def _unknown(self, fact: Fact) -> Iterator[str]:
        service, environment = getattr(fact, "service", None), getattr(fact, "environment", None)
        promotion, file = getattr(fact, "promotion", None), getattr(fact, "artifact", None)
        if isinstance(file, Artifact) and isinstance(fact, ArtifactPublished) and file.module not in self._modules:
            yield f"no service has the artifact {shown(file.module)}{suggestion(file.module, self._modules)}"
        if service is not None and service not in self._services:
            yield f"there is no service {shown(service)}{suggestion(service, self._services)}"
        elif environment is not None and environment not in self._environments:
            yield f"there is no environment {shown(environment)}{suggestion(environment, self._environments)}"
        elif isinstance(fact, AboutDeployment) and service and environment and fact.version:
            missing = self._missing(service, environment, fact.version)
            if missing is not None:
                yield missing
        if promotion is not None and promotion != FREEZE and promotion not in self._promotions:
            yield f"there is no promotion {shown(promotion)}{suggestion(promotion, self._promotions)}"

    def _missing(self, service: str, environment: str, version: str) -> str | None:
        lane = (service, environment, version)
        if lane not in self._lanes and len(self._lanes) < _MOST_LANES:
            try:
                ask("why", service, environment, version=version)
                self._lanes[lane] = None
            except NotFound as error:
                self._lanes[lane] = str(error)
        return self._lanes.get(lane)

    @cached_property
    def _services(self) -> dict[str, list[str]]:
        return {str(one["ident"]): list(one["artifacts"]) for one in ask_all("services")}

    @cached_property
    def _modules(self) -> set[str]:
        return {module for modules in self._services.values() for module in modules}

    @cached_property
    def _environments(self) -> set[str]:
        return {str(one["ident"]) for one in ask_all("environments")}

    @cached_property
    def _promotions(self) -> set[str]:
        return {str(one["ident"]) for one in ask_all("promotions")}
