"""`where`, `diff`, `blame`, of a service that serves a story."""

from tests.cli.shell import Shell
from tests.cli.test_reads import columns


def test_where_is_a_row_for_each_environment(seeded: Shell) -> None:
    title, heading, *rows = seeded.ok("where", "com.example:foo:1.0").stdout.splitlines()
    assert title.startswith("com.example:foo 1.0, published ")
    assert columns(heading) == ["SERVICE", "ENVIRONMENT", "STATE", "WHEN", "NOW THERE", "REASON"]
    assert [columns(row)[:3] for row in rows] == [["foo", "dev", "ran"], ["foo", "prod", "runs, FAILED"]]
    assert "1.1 (newer)" in rows[0]


def test_where_of_nothing_known_says_how_to_ask(seeded: Shell) -> None:
    assert "nothing is known by 4f9c1d2: ask for a commit" in seeded.fails("where", "4f9c1d2")
    assert "; did you mean com.example:foo:1.0? ask for" in seeded.fails("where", "com.example:fooo:1.0")
    assert "give a part of a name" in seeded.ok("search").stderr == seeded.ok("search", "zzz%").stderr
    assert "; known types are approval.given, " in seeded.fails("events", "--type", "nosuch")


def test_diff_ends_with_1_where_two_environments_differ(seeded: Shell) -> None:
    ended = seeded.run("diff", "dev", "prod")
    assert ended.returncode == 1
    heading, row = ended.stdout.splitlines()
    assert columns(heading) == ["SERVICE", "MODULE", "DEV", "PROD", "PROD IS", "BETWEEN"]
    assert [columns(row)[place] for place in (0, 1, 4, 5)] == ["foo", "com.example:foo", "behind", "1.1"]
    same = seeded.ok("diff", "dev", "dev")
    assert (same.stdout, same.stderr) == ("", "dev and dev run the same.\n")


def test_blame_is_what_changed_the_last_first(seeded: Shell) -> None:
    heading, *rows = seeded.ok("blame", "prod", "--hours", "744").stdout.splitlines()
    assert columns(heading) == ["WHEN", "WHAT", "SERVICE", "ENVIRONMENT", "VERSION", "BY", "REASON"]
    assert [columns(row)[1:5] for row in rows] == [
        ["failed: stop", "foo", "prod", "1.0"],
        ["deployed", "foo", "prod", "1.0"],
    ]


def test_a_time_that_is_none_is_a_wrong_use(seeded: Shell) -> None:
    ended = seeded.run("blame", "--at", "yesterday")
    assert ended.returncode == 2
    assert "neither a time such as" in ended.stderr
