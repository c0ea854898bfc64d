"""Words that prose and names avoid: `python -m tests.prose` lists them and fails where there are more than allowed.

Every .py, .md and .html counts: text, comments and strings, and identifiers by their parts between underscores.
`prose.toml` has the words and how many each folder may still have.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
SUFFIXES = {".py", ".md", ".html"}
RULES = tomllib.loads((ROOT / "tests/prose.toml").read_text(encoding="utf-8"))
INSTEAD: dict[str, str] = RULES["instead"]
MOST: dict[str, int] = RULES["most"]
# two words may stand on two lines, each of which may begin with the sign of a comment
_WORDS = "|".join(re.escape(word).replace(r"\ ", r"[\s#]+") for word in INSTEAD)
_AVOIDED = re.compile(rf"(?<![a-z])(?:{_WORDS})(?![a-z])", re.IGNORECASE)


class Finding(NamedTuple):
    """One avoided word; line and column count from 1."""

    line: int
    column: int
    word: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.word!r}: write {INSTEAD[self.word]}"


def findings(text: str) -> Iterator[Finding]:
    """The avoided words of a text, in order."""
    for found in _AVOIDED.finditer(text):
        start = found.start()
        line = text.count("\n", 0, start) + 1
        column = start - text.rfind("\n", 0, start)
        yield Finding(line, column, " ".join(re.split(r"[\s#]+", found[0].lower())))


def files(folder: str) -> list[Path]:
    """The texts of a top folder; those beside the folders for "."."""
    found = (ROOT / folder).glob("*" if folder == "." else "**/*")
    return sorted(path for path in found if path.suffix in SUFFIXES and path.is_file())


def reports(folder: str) -> list[str]:
    """A line for each avoided word in a top folder."""
    return [
        f"{path.relative_to(ROOT)}:{finding}"
        for path in files(folder)
        for finding in findings(path.read_text(encoding="utf-8"))
    ]


def main() -> int:
    """List the folders' words beyond what is allowed. 1 where there are any."""
    failed = 0
    for folder, most in MOST.items():
        lines = reports(folder)
        if len(lines) > most:
            print(*lines, sep="\n")
            print(f"{folder}: {len(lines)} words to avoid, at most {most} allowed: tests/prose.toml")
            failed = 1
        elif len(lines) < most:
            print(f"{folder}: {len(lines)} words to avoid: lower its number in tests/prose.toml from {most}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
