"""What the code imports is what the package declares."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.cluster import ROOT

OURS = {"deploydb", "workers"}


def imported() -> set[str]:
    """The top-level names of everything that the code imports, wherever in a module it does."""
    found: set[str] = set()
    for path in (path for folder in OURS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
                found.add(node.module.partition(".")[0])
    return found - OURS - sys.stdlib_module_names


def declared() -> set[str]:
    """The distributions that come with the package, and with the parts of it that are optional."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["cel"], *extras["otel"], *extras["systemd"]]
    return {normalized(re.split(r"[^A-Za-z0-9._-]", one)[0]) for one in wanted}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_declared() -> None:
    known, provided = declared(), packages_distributions()
    distributions = {name: {normalized(one) for one in provided.get(name, [name])} for name in imported()}
    missing = {name: " or ".join(sorted(ones)) for name, ones in distributions.items() if not ones & known}
    assert not missing, "by what is imported, what pyproject.toml has to declare"
