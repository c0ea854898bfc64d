"""A directory of YAML files → a catalog, or every problem at once with its file, line and column.

One object a file, named by the file. Reading has three steps, and each goes on after a problem, so that a user can fix
all of them in one round. `source` parses text into values with their places. `reading` checks them against the types of
the documents, key by key. `building` resolves the references and makes the catalog.

A directory with a problem gives no catalog. `LiveCatalog` never replaces a good catalog by a broken one.
"""

from deploydb.configuration.live import LiveCatalog
from deploydb.configuration.loading import Loaded, load
from deploydb.configuration.problems import Problem
from deploydb.configuration.schema import KINDS, json_schema

__all__ = ["KINDS", "LiveCatalog", "Loaded", "Problem", "json_schema", "load"]
