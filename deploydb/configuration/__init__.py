"""A directory of YAML → a catalog, or everything that is wrong with it.

    folder     which files there are, and of which kind
    tree       YAML text → nodes that know their line and column
    documents  what each kind of file may say, key by key
    reading    nodes → documents; goes on after an error, so that all are told at once
    references names that refer to nothing, or to something that cannot be meant
    stages     the order of a pipeline: cycles, stages that nothing reaches
    assembly   documents → Catalog, with the digest
    live       the catalog in force, while the files change

Files are written by people and laid down by programs, and are wrong at times. Three rules follow. A problem is a value
that names file, line and column, not an exception that hides the next one. A catalog is built from a directory without
problems or not at all, so nothing behind this package checks a name again. And a broken directory never takes the place
of a catalog that is in force: DeployDB goes on with the last good one, and says so.

YAML's surprises are switched off: `true`, `false`, `null` and whole numbers are read as such, all else is text
(`1.10` is not 1.1, `on` is not true). A key given twice is an error. Anchors, aliases and tags are refused, which also
disarms the bombs that are made of them.
"""

from deploydb.configuration.live import LiveCatalog
from deploydb.configuration.loading import Loaded, load
from deploydb.configuration.problem import Problem
from deploydb.configuration.schema import json_schema

__all__ = ["LiveCatalog", "Loaded", "Problem", "json_schema", "load"]
