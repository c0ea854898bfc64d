"""A directory of YAML files → a catalog, or every problem at once with its file, line and column.

One object a file; the file's name is its ident. Reading has three steps, each of which goes on after a problem so that
a person mends a directory in one round: `source` turns text into values that remember where they stood, `reading` holds
them against the documents' types key by key, and `building` follows the references and makes the catalog.

A catalog comes out only where there is no problem at all, and `LiveCatalog` never lets a broken one replace a good one.
"""

from deploydb.configuration.live import LiveCatalog
from deploydb.configuration.loading import Loaded, load
from deploydb.configuration.problems import Problem
from deploydb.configuration.schema import json_schema

__all__ = ["LiveCatalog", "Loaded", "Problem", "json_schema", "load"]
