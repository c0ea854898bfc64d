"""One module for each noun: what answers its paths, and `RESOURCES`, which declare those that are no view.

A path with a fixed word stands above the one that would take the word for an id.
"""

from importlib import import_module
from pkgutil import iter_modules

from deploydb.query.resource import Resource


def resources() -> list[Resource]:
    """Every resource that is declared here, by module."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return [resource for module in modules for resource in getattr(module, "RESOURCES", ())]
