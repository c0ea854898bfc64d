"""DeployDB's own types of promotion: every class of a module of this package that has a name in files."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from deploydb.domain import gates
from deploydb.domain.gates.promotion import Promotion


@cache
def own_types() -> dict[str, type[Promotion]]:
    """The classes by the names that files have for them."""
    modules = [import_module(f"{gates.__name__}.{module.name}") for module in iter_modules(gates.__path__)]
    classes = [
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Promotion) and found.__module__ == module.__name__
    ]
    return {name: found for found in classes for name in found.types}
