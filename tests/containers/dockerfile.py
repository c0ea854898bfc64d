"""deploy/Dockerfile: its instructions, by stages."""

import json
import re
import shlex
from collections.abc import Iterator

from tests.cluster import ROOT

PATH = ROOT / "deploy/Dockerfile"


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, with their arguments on one line."""
    text = re.sub(r"^#.*\n", "", PATH.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", "")
    found: list[list[tuple[str, str]]] = []
    for line in text.splitlines():
        name, _, arguments = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        if name:
            found[-1].append((name, arguments.strip()))
    return found


def _of_the_image(name: str) -> list[str]:
    return [arguments for found, arguments in stages()[-1] if found == name]


def words(name: str) -> list[str]:
    """ENTRYPOINT, CMD or HEALTHCHECK in their form of JSON."""
    (arguments,) = _of_the_image(name)
    return list(json.loads(arguments[arguments.index("[") :]))


def user() -> str:
    (found,) = _of_the_image("USER")
    return found


def environment() -> dict[str, str]:
    return dict(_pairs("ENV"))


def labels() -> dict[str, str]:
    return dict(_pairs("LABEL"))


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    for arguments in _of_the_image(name):
        for word in shlex.split(arguments):
            key, _, value = word.partition("=")
            yield key, value
