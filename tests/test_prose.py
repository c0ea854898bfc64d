"""Prose, names and documents: words that are avoided, links that lead somewhere, commands that exist."""

import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile, groupby, takewhile
from pathlib import Path

import click
import pytest

from deploydb.cli.commands import cli
from deploydb.domain.model.deployment import Deployment
from tests.prose import INSTEAD, MOST, ROOT, files, findings, reports
from workers.__main__ import main as workers

WORD = next(iter(INSTEAD))
PHRASE = next(word for word in INSTEAD if " " in word)
DOCUMENTS = [path for path in (*files("."), *files("docs")) if path.suffix == ".md"]
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("folder", MOST)
def test_no_folder_has_more_avoided_words_than_are_allowed(folder: str) -> None:
    assert len(found := reports(folder)) <= MOST[folder], "\n".join(found)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"a {WORD} b", (1, 3)),
        (f"x\n# {WORD.upper()}.", (2, 3)),
        (f"call_{WORD}_at()", (1, 6)),
        (f"# {PHRASE.replace(' ', chr(10) + '    # ')}", (1, 3)),
    ],
    ids=["a word", "capitals", "a part of an identifier", "a phrase on two lines"],
)
def test_an_avoided_word_is_found_with_its_place(text: str, where: tuple[int, int]) -> None:
    (found,) = findings(text)
    assert (found.line, found.column) == where
    assert INSTEAD[found.word] in str(found)


def test_a_part_of_a_longer_word_is_no_avoided_word() -> None:
    assert not list(findings(f"recom{WORD} {WORD}acious"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_a_file_and_to_a_heading_of_it(document: Path) -> None:
    for path, heading in LINK.findall(document.read_text(encoding="utf-8")):
        target = document.parent / path if path else document
        assert target.exists(), path
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_documents_exist_and_take_these_arguments(document: Path) -> None:
    for block in SHELL.findall(document.read_text(encoding="utf-8")):
        for command in (each for line in block.replace("\\\n", " ").splitlines() for each in commands(line)):
            match command:
                case ["deploydb", *arguments]:
                    parse(arguments)
                case ["make", target, *_]:
                    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
                case ["python", "-m", "workers", name]:
                    workers.make_context("workers", [name])
                case [".venv/bin/pytest", *arguments]:
                    assert all((ROOT / path.partition("::")[0]).exists() for path in arguments if path[:6] == "tests/")


def test_the_table_of_a_deployments_fields_has_each_of_them_once() -> None:
    text = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    names = [name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(names) == sorted(Deployment.__struct_fields__)


def test_every_setting_is_in_the_documents() -> None:
    text = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    code = "".join(path.read_text(encoding="utf-8") for path in [*files("deploydb"), *files("workers")])
    settings = set(re.findall(r'"(DEPLOYDB_[A-Z_]*[A-Z])(?<!_FILE)"', code))
    assert settings
    assert settings <= set(re.findall(r"\bDEPLOYDB_[A-Z_]+\b", text))


def commands(line: str) -> Iterator[list[str]]:
    """The commands of a line of shell, without what is redirected, and without variables set for them."""
    words = shlex.shlex(re.sub(r"\$\([^()]*\)|\b\d(?=>)", "", line), posix=True, punctuation_chars=True)
    words.whitespace_split = True
    for is_operator, each in groupby(words, lambda word: set(word) <= set("();|&")):
        if not is_operator:
            command = takewhile(lambda word: not set(word) <= set("<>"), each)
            yield list(dropwhile(lambda word: re.match(r"[A-Z_]+=", word), command))


def parse(arguments: list[str]) -> None:
    """Read a command line as `deploydb` does, without running it."""
    command: click.Command = cli
    context = command.make_context("deploydb", arguments)
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert name is not None
        assert found is not None
        command, context = found, found.make_context(name, rest, parent=context)
