"""`deploydb init`: an example configuration, and what to do next."""

from tests.cli.shell import Shell
from tests.cluster import ROOT


def test_it_writes_an_example_without_problems_and_names_the_next_commands(shell: Shell) -> None:
    ended = shell.ok("init", "a folder")
    first, *following = ended.stdout.splitlines()
    assert first == "Wrote an example configuration to a folder. Next:"
    assert following == ["  deploydb check-config 'a folder'", "  deploydb up --config 'a folder'"]
    written = {str(file.relative_to(shell.folder / "a folder")) for file in (shell.folder / "a folder").rglob("*.yml")}
    assert written == {str(file.relative_to(ROOT / "config")) for file in (ROOT / "config").rglob("*.yml")}
    assert "no problems" in shell.ok("check-config", "a folder", "--strict").stderr


def test_a_folder_with_files_is_refused_and_an_empty_one_is_not(shell: Shell) -> None:
    (shell.folder / "config").mkdir()
    shell.ok("init")
    kept = (shell.folder / "config/access.yml").read_text()
    (shell.folder / "config/access.yml").write_text("mine")
    error = shell.fails("init")
    assert "config has files already: name a folder that is to be made" in error
    assert "`deploydb check-config config`" in error
    assert (shell.folder / "config/access.yml").read_text() == "mine" != kept


def test_a_folder_that_cannot_be_made_is_named(shell: Shell) -> None:
    (shell.folder / "file").write_text("")
    assert "file/config" in shell.fails("init", "file/config")
    assert "cannot write the example configuration to file: " in shell.fails("init", DEPLOYDB_CONFIG="file")
