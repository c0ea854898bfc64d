"""The tools that there are."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from deploydb.orchestrators import tools
from deploydb.orchestrators.orchestrator import Orchestrator


@cache
def known_tools() -> dict[str, type[Orchestrator]]:
    """Each tool by its `type` in files, which is the name of its module."""
    found = sorted(module.name for module in iter_modules(tools.__path__))
    return {name: import_module(f"{tools.__name__}.{name}").TOOL for name in found}
