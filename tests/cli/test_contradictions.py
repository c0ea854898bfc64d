"""A version that is published with two files: every answer shows it."""

import json
from pathlib import Path

from tests.cli.conftest import served
from tests.cli.shell import Queue, Shell
from tests.scenario import Scenario

GOOD, OTHER = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"


def test_a_version_with_two_files_is_shown_by_every_answer(sqlite_url: str, tmp_path: Path, embedded_url: str) -> None:
    with Scenario(sqlite_url) as world, served(world) as url:
        (tmp_path / "here").mkdir()
        shell = Shell(tmp_path / "here", DEPLOYDB_URL=url, DEPLOYDB_BROKER_URL=embedded_url)
        Queue(embedded_url)
        world.publish("1.0", artifact={"digest": GOOD})
        world.evaluate(minutes=1)
        world.deploy()
        assert "contradicted" not in shell.ok("status").stdout
        again = shell.ok("publish", "artifact", "com.example:foo", "1.0", "--digest", OTHER)
        assert f"contradiction: com.example:foo:1.0 is known with digest {GOOD}" in again.stderr
        fields = ("--artifact.group", "com.example", "--artifact.name", "foo", "--artifact.version", "1.0")
        by_type = shell.ok("publish", "artifact.published", *fields, "--artifact.digest", OTHER).stderr
        artifact = {"group": "com.example", "name": "foo", "version": "1.0", "digest": OTHER}
        line = json.dumps({"type": "artifact.published", "id": "1", "source": "ci", "artifact": artifact}).encode()
        by_file = shell.ok("publish", "--file", "-", stdin=line).stderr
        for warned in (by_type, by_file):
            assert f"contradiction: com.example:foo:1.0 is known with digest {GOOD}" in warned
            assert "deploydb artifact accept" in warned
        assert "contradiction" not in shell.ok("publish", "artifact", "com.example:foo", "1.0", "--digest", GOOD).stderr
        world.publish("1.0", artifact={"digest": OTHER}, source="other")
        world.evaluate(minutes=1)
        for command in (
            ("where", "com.example:foo:1.0"),
            ("artifact", "show", "com.example:foo:1.0"),
            ("why", "foo", "dev", "1.0"),
            ("status",),
        ):
            output = shell.ok(*command).stdout
            assert "ontradicted" in output, command
            assert "deploydb artifact accept" in output, command
        assert shell.ok("inbox", "-o", "name", "--kind", "contradiction").stdout == "contradiction/foo/1.0\n"
        assert OTHER in shell.json("inbox", "--kind", "contradiction")["entries"][0]["text"]
        assert OTHER in shell.json("why", "foo", "dev", "1.0")["conflict"]
        found = {one["check"]: one for one in json.loads(shell.run("doctor", "-o", "json").stdout)}
        assert found["contradictions"]["state"] == "warn"
        assert "publish the other one as another version" in found["contradictions"]["advice"]
