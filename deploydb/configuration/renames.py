"""`renamed_from` of environments: each earlier name is free, and is that of one environment."""

from collections.abc import Mapping
from typing import Any

from deploydb.configuration.documents import EnvironmentDocument
from deploydb.configuration.source import Path, Source
from deploydb.domain.model.catalog import Environment

KEY = "renamed_from"


def earlier_names(document: EnvironmentDocument) -> tuple[str, ...]:
    """The earlier names of an environment, whether one is written or a list."""
    written = document.renamed_from
    return (written,) if isinstance(written, str) else tuple(written)


def check_renames(sources: Mapping[str, Source], environments: Mapping[str, Environment]) -> None:
    """Report the earlier names that are those of environments, of two of them, or twice in one."""
    owners: dict[str, str] = {}
    for ident, environment in sorted(environments.items()):
        source = sources[ident]
        for index, name in enumerate(environment.renamed_from):
            owner = owners.setdefault(name, ident)
            if name == ident:
                problem = f"{name} is its name now: name the earlier ones"
            elif name in sources:
                problem = f"{name} is still an environment ({sources[name].path}): remove that file, or this name"
            elif owner != ident:
                problem = f"{name} is an earlier name of {owner} too ({sources[owner].path}): keep one of them"
            elif name in environment.renamed_from[:index]:
                problem = f"{name} is listed twice"
            else:
                continue
            source.problem(_place(source, index), problem)


def _place(source: Source, index: int) -> Path:
    value: Any = source.value
    return (KEY, index) if isinstance(value, dict) and isinstance(value.get(KEY), list) else (KEY,)
