"""Tables on terminals of every width: no name is broken, and no line is wider for anything but a name."""

import io
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import Message
from functools import cache
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

import deploydb.cli
from deploydb.cli import client, fitting
from deploydb.cli.commands import cli
from deploydb.cli.output import output_option, show_table
from deploydb.domain.model.catalog import After, Service, Stage
from deploydb.query.column import Column
from deploydb.query.text_width import cut_in_middle
from deploydb.query.views import views
from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.scenario import Scenario, catalog

WIDTHS = (40, 60, 80, 120, 200)
LONGEST = 255
"""Of a name, as facts take it."""
GAP = 2

Show = Callable[..., str]
Answer = Callable[[Sequence[str], Mapping[str, object]], tuple[Any, Message]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    """What a function prints on a terminal of a width, without colours."""

    def run(width: int, function: Callable[[], object]) -> str:
        terminal = Terminal(io.BytesIO(), "utf-8", write_through=True)
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(width))
            patch.setenv("TERM", "dumb")
            patch.setattr(sys, "stdout", terminal)
            function()
            return terminal.buffer.getvalue().decode()  # type: ignore[attr-defined]

    return run


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def declared() -> dict[str, tuple[tuple[Column, ...], int | None]]:
    """Every table that is declared, by its place, with the most lines of its rows."""
    found = {}
    for module in iter_modules(deploydb.cli.__path__, "deploydb.cli."):
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, tuple) and value and all(isinstance(one, Column) for one in value):
                found[f"{module.name.rpartition('.')[2]}.{name}"] = (value, None)
    return found | {view.name: (view.command.columns, view.command.most) for view in views()}


NAMES = st.text("nxyz", min_size=1, max_size=30) | st.integers(1, LONGEST).map("q".__mul__)
CELLS = {
    "name": st.just("") | NAMES,
    "version": st.just("") | NAMES,
    "text": st.lists(NAMES, max_size=12).map(" ".join),
}


TABLES = declared()


@pytest.mark.parametrize("table", TABLES)
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_table_breaks_a_name_or_is_wider_for_anything_else(shown: Show, table: str, data: st.DataObject) -> None:
    columns, most = TABLES[table]
    row = st.tuples(*(CELLS[column.holds] for column in columns))
    rows = data.draw(st.lists(row, min_size=1, max_size=3))
    for width in WIDTHS:
        text = shown(width, lambda: show_table(columns, rows, empty="", most=most))
        words = {word for line in (*rows, [one.heading for one in columns]) for cell in line for word in cell.split()}
        for line in text.splitlines():
            for word in line.split():
                assert word in words or set(word) == {"─"} or "…" in word
            if len(line.rstrip()) > width:
                assert len(line.split()) == 1
                assert len(line.split()[0]) > width - GAP
                assert "…" not in line


@pytest.mark.parametrize("width", WIDTHS)
def test_a_version_is_cut_in_the_middle_only_where_no_line_has_the_width_for_it(shown: Show, width: int) -> None:
    columns = Column("SERVICE"), Column("VERSION", "version"), Column("AGE", gives_way=1)
    for length in (20, 38, 58, 255):
        version = f"begins{'v' * (length - 10)}ends"
        text = shown(width, lambda version=version: show_table(columns, [["foo", version, "3h"]], empty=""))
        assert (version in text) is (length <= width - GAP)
        if version not in text:
            assert re.search("beginsv+…v+ends", text)


def test_columns_are_given_away_by_priority_and_never_with_wide_output(shown: Show) -> None:
    columns = Column("SERVICE"), Column("ONE", gives_way=1), Column("TWO", gives_way=2), Column("THREE")
    row = ["s" * 20, "first" * 4, "second" * 3, "t" * 20]

    def headings(width: int) -> list[str]:
        return shown(width, lambda: show_table(columns, [row], empty="")).splitlines()[0].split()

    assert headings(120) == ["SERVICE", "ONE", "TWO", "THREE"]
    assert headings(80) == ["SERVICE", "ONE", "THREE"]
    assert headings(60) == ["SERVICE", "THREE"]


def test_wide_output_leaves_out_no_column_and_no_word(shown: Show) -> None:
    columns = Column("SERVICE"), Column("EMPTY", gives_way=2), Column("REASON", "text", gives_way=1)
    words = [f"word{number}" for number in range(30)]

    @click.command()
    @output_option
    def command(output: str) -> None:
        show_table(columns, [["foo", "", " ".join(words)]], empty="", most=2)

    for width in (20, 40, 80):
        text = shown(width, lambda: command.main(["-o", "wide"], standalone_mode=False)).split()
        assert [word for word in text if word.startswith("word")] == words
        assert "EMPTY" in text


def test_a_long_reason_is_shortened_in_few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = Column("SERVICE"), Column("REASON", "text"), Column("AGE")
    words = [f"{number:04}" for number in range(400)]
    measured = 0

    def counted(text: str) -> int:
        nonlocal measured
        measured += 1
        return cell_len(text)

    monkeypatch.setattr(fitting, "cell_len", counted)
    lines = fitting.flowed(columns, ["foo", " ".join(words), "3h"], 80, most=2)
    assert lines == [f"foo  {' '.join(words[:15])}", f"  {' '.join(words[15:29])} …  3h"]
    assert measured < 30 * len(words)


def test_a_cut_text_is_measured_in_cells() -> None:
    for cells in range(5, 60):
        cut = cut_in_middle("名" * 50, cells)
        assert cells - 2 <= cell_len(cut) <= cells
        assert "…" in cut


COMMANDS = (
    [],
    ["status"],
    ["why", "SERVICE", "PROD"],
    ["why", "SERVICE", "PROD", "-o", "wide"],
    ["history", "SERVICE"],
    ["service", "list"],
    ["service", "describe", "SERVICE"],
    ["environment", "list"],
    ["environment", "describe", "PROD"],
    ["artifact", "show", "com.example:foo:VERSION"],
    ["flow", "show", "SERVICE", "VERSION"],
    ["events"],
    ["diff", "DEV", "PROD", "--all"],
    ["blame", "--hours", "744"],
    ["dora"],
    ["holds"],
    ["inbox"],
    ["incidents"],
    ["plan", "SERVICE", "VERSION"],
    ["unmatched"],
    ["where", "com.example:foo:VERSION"],
)
DRAWN = ("●", "◐", "▶", "▷", "○", "✗", "–", "│")
"""Begin the lines of a drawing."""
LETTERS = {"SERVICE": "š", "DEV": "ď", "PROD": "þ", "VERSION": "ø", "PROMOTION": "ĝ", "PERSON": "ł"}
"""A letter for each kind of name, which is in no other word."""


@pytest.fixture(scope="module", params=[24, LONGEST])
def lanes(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, Shell]]:
    """A shell beside a service with a release that waits, a hold, an incident and a fact that matches nothing, all of
    names of one length."""
    length = request.param
    name = {kind: letter * length for kind, letter in LETTERS.items()}
    stages = (Stage(environment=name["DEV"]), Stage(environment=name["PROD"], after=After(environments=(name["DEV"],))))
    service = Service(
        ident=name["SERVICE"], artifacts=("com.example:foo",), pipelines=("main",), promotions=("manual",)
    )
    folder = tmp_path_factory.mktemp("lanes")
    with Scenario(
        f"sqlite:///{shutil.copy(sqlite_template, folder / 'deploydb.db')}", catalog(service, stages=stages)
    ) as world:
        lane = {"service": name["SERVICE"], "environment": name["DEV"]}
        world.publish(name["VERSION"])
        world.evaluate()
        world.deploy()
        by = {"by": name["PERSON"], "reason": f"{name['PERSON']} has a reason"}
        world.tell("hold.placed", kind="freeze", hold="h1", environment=name["PROD"], **by)
        world.tell("incident.detected", incident=name["PERSON"], version=name["VERSION"], **lane, **by)
        world.tell("verification.finished", **lane, version="9.9", promotion=name["PROMOTION"], outcome="passed")
        world.evaluate(minutes=1)
        with served(world) as url:
            yield length, Shell(folder, DEPLOYDB_URL=url)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_breaks_a_name(
    lanes: tuple[int, Shell], command: list[str], shown: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    length, shell = lanes
    monkeypatch.setenv("DEPLOYDB_URL", shell.environment["DEPLOYDB_URL"])
    monkeypatch.setattr(client, "_answer", answered_once(client._answer))
    arguments = [re.sub("[A-Z]{3,}", lambda word: LETTERS.get(word[0], "") * length or word[0], one) for one in command]
    for width in WIDTHS:
        text = shown(width, lambda: invoke(arguments))
        for letter in LETTERS.values():
            assert not re.search(f"(?i)(?<![…{letter}]){letter}{{1,{length - 1}}}(?![…{letter}])", text), text
        lines = text.splitlines()
        rules = [place for place, line in enumerate(lines) if set(line) == {"─"} or line[:1] in DRAWN]
        assert rules
        below = takewhile(str.strip, lines[rules[0] :])
        if length < width - GAP:
            assert all(len(line.rstrip()) <= width for line in below), text


def test_status_fits_fifty_stages_and_sixty_columns(
    sqlite_template: Path, tmp_path: Path, shown: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"region-{number:02}" for number in range(50)]
    stages = tuple(Stage(environment=name) for name in names)
    with Scenario(
        f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'deploydb.db')}", catalog(stages=stages)
    ) as world:
        world.publish("1.4.0-20261122.abc1234")
        world.evaluate()
        world.deploy()
        with served(world) as url:
            monkeypatch.setenv("DEPLOYDB_URL", url)
            for arguments in (["status"], []):
                lines = shown(60, lambda given=arguments: invoke(given)).splitlines()
                assert all(len(line.rstrip()) <= 60 for line in lines)
                assert sum("region-" in line for line in lines) >= (50 if arguments else 1)


def answered_once(ask: Answer) -> Answer:
    """The same answers at every width."""
    once = cache(lambda path, parameters: ask(path, dict(parameters)))
    return lambda path, parameters: once(tuple(path), tuple(parameters.items()))


def invoke(arguments: Sequence[str]) -> None:
    """Run the command line. A command may end with an exit code: `diff` where environments differ."""
    cli.main(args=list(arguments), prog_name="deploydb", standalone_mode=False)
