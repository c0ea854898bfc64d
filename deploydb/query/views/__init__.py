"""One module for each view: a read that is declared once, with its JSON resource, its page and its command.

The command line imports the declarations. So a module here imports neither the store nor the HTTP service; its reader
imports them when it runs. A long reader stands in `resources`, in the module and by the name of the view.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploydb.query.view import View

NAMES = tuple(module.name for module in iter_modules(__path__))
"""Of the modules, of their views and of the views' commands."""


def view(name: str) -> "View":
    """The view of a name."""
    declared: View = import_module(f"{__name__}.{name}").VIEW
    return declared


def views() -> "list[View]":
    """Every view, by name."""
    return [view(name) for name in NAMES]
