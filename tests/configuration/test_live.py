"""The catalog in force, while its files change."""

import os
from pathlib import Path

import pytest

from deploydb.configuration import LiveCatalog, Loaded, load
from deploydb.domain.model.errors import Misconfigured
from tests.configuration.given import GOOD, config, put

ANOTHER = "artifacts: [com.example:bar]\npipelines: [main]\n"


def test_a_new_good_catalog_takes_the_old_ones_place(tmp_path: Path) -> None:
    directory = config(tmp_path)
    live = LiveCatalog(directory)
    first = live.catalog
    assert live.refresh() is False

    put(directory / "services/bar.yml", ANOTHER)

    assert live.refresh() is True
    assert live.catalog.services.keys() == {"bar", "foo"}
    assert first.services.keys() == {"foo"}
    assert live.refresh() is False


def test_a_broken_configuration_leaves_the_last_good_one_in_force_until_it_is_fixed(tmp_path: Path) -> None:
    directory = config(tmp_path)
    live = LiveCatalog(directory)
    first = live.catalog

    put(directory / "services/bar.yml", "artifacts: [bar]\npipelines: [main]\n")
    assert live.refresh() is False
    assert live.catalog is first
    assert [str(problem) for problem in live.problems] == [
        f"{directory}/services/bar.yml:1:13: bar is no artifact: write group:name, without a version"
    ]

    put(directory / "services/bar.yml", ANOTHER)
    assert live.refresh() is True
    assert live.problems == ()
    assert live.catalog.services.keys() == {"bar", "foo"}


def test_a_service_that_lacks_something_takes_no_releases_until_it_is_there(tmp_path: Path) -> None:
    directory = config(tmp_path, {"services/bar.yml": "artifacts: [a:b]\npipelines: [main]\npromotions: [load]\n"})
    live = LiveCatalog(directory)
    assert live.catalog.services.keys() == {"foo"}
    assert live.catalog.every_service().keys() == {"foo", "bar"}
    assert live.catalog.incomplete["bar"].lacks == ("promotion load",)
    assert [problem.message for problem in live.missing] == ["there is no promotion load; there is smoke, soak"]
    assert live.problems == ()

    put(directory / "promotions/load.yml", "type: BasicPromotion\n")
    assert live.refresh() is True
    assert (live.catalog.services.keys(), live.catalog.incomplete, live.missing) == ({"foo", "bar"}, {}, ())


def test_a_change_that_stops_a_service_leaves_the_last_good_catalog_in_force(tmp_path: Path) -> None:
    directory = config(tmp_path)
    live = LiveCatalog(directory)
    first = live.catalog
    put(directory / "pipelines/main.yml", "environments:\n  dev:\n  prdo:\n")
    assert live.refresh() is False
    assert live.catalog is first
    assert [problem.message.partition(";")[0] for problem in live.problems] == ["there is no environment prdo"]
    put(directory / "services/foo.yml", "pipelines: []\n")
    assert live.refresh() is True, "it names nothing that is missing"
    assert (live.catalog.incomplete["foo"].lacks, live.problems) == (("an artifact", "a pipeline"), ())


def test_a_reverted_mistake_is_no_problem_any_more(tmp_path: Path) -> None:
    directory = config(tmp_path)
    live = LiveCatalog(directory)
    first = live.catalog
    for stray in (directory / "stray.yml", directory / "service" / "bar.yml"):
        put(stray, ANOTHER)
        assert live.refresh() is False
        assert len(live.problems) == 1
        stray.unlink()
        if stray.parent != directory:
            stray.parent.rmdir()
        assert live.refresh() is False
        assert not live.problems
    assert live.catalog is first


def test_a_comment_changes_nothing(tmp_path: Path) -> None:
    directory = config(tmp_path)
    live = LiveCatalog(directory)
    first = live.catalog
    put(directory / "services/foo.yml", "# why\n" + GOOD["services/foo.yml"])
    assert live.refresh() is False
    assert live.catalog is first


def test_a_change_that_keeps_size_and_time_is_noticed(tmp_path: Path) -> None:
    directory = config(tmp_path)
    live = LiveCatalog(directory)
    file = directory / "promotions/soak.yml"
    before = file.stat()
    put(file, "type: SoakPromotion\nduration: 6s\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert live.refresh() is True


def test_a_link_with_another_target_is_noticed(tmp_path: Path) -> None:
    one, two = config(tmp_path / "1"), config(tmp_path / "2", {"services/bar.yml": ANOTHER})
    link = tmp_path / "config"
    link.symlink_to(one)
    live = LiveCatalog(link)
    link.unlink()
    link.symlink_to(two)
    assert live.refresh() is True
    assert live.catalog.services.keys() == {"bar", "foo"}


def test_files_that_change_while_they_are_read_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = config(tmp_path)
    live = LiveCatalog(directory)

    def load_while_somebody_writes(folder: Path) -> Loaded:
        loaded = load(folder)
        put(directory / "services/baz.yml", ANOTHER.replace("bar", "baz"))
        return loaded

    put(directory / "services/bar.yml", ANOTHER)
    with monkeypatch.context() as patched:
        patched.setattr("deploydb.configuration.live.load", load_while_somebody_writes)
        assert live.refresh() is False
    assert live.catalog.services.keys() == {"foo"}
    assert live.refresh() is True
    assert live.catalog.services.keys() == {"bar", "baz", "foo"}


def test_a_directory_that_disappears_leaves_the_catalog_in_force(tmp_path: Path) -> None:
    directory = config(tmp_path)
    live = LiveCatalog(directory)
    directory.rename(tmp_path / "away")
    assert live.refresh() is False
    assert [problem.message for problem in live.problems] == ["there is no such directory"]
    assert live.catalog.services.keys() == {"foo"}
    (tmp_path / "away").rename(directory)
    assert live.refresh() is False
    assert live.problems == ()


def test_a_forced_reading_reads_unchanged_files(tmp_path: Path) -> None:
    live = LiveCatalog(config(tmp_path))
    first = live.catalog
    assert live.refresh(force=True) is False
    assert live.catalog is first


def test_a_broken_configuration_at_the_start_raises(tmp_path: Path) -> None:
    directory = config(tmp_path, {"environments/dev.yml": "a: 1\n", "environments/prod.yml": "b: 1\n"})
    with pytest.raises(Misconfigured) as raised:
        LiveCatalog(directory)
    assert f"{directory}/environments/dev.yml:1:1: there is no key a here" in str(raised.value)
    assert f"{directory}/environments/prod.yml:1:1: there is no key b here" in str(raised.value)
