"""A clone of a newcomer, in which the commands of a page run one after the other, as they are copied and pasted."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.cluster import ROOT
from tests.servers import until
from tests.servers.ports import free_port

DEFAULT = "http://127.0.0.1:8080"
"""The address as pages have it."""
RELEASE = """
release() {
  deploydb publish artifact "com.example:$1" "$2"
  for environment in dev staging prod; do
    deploydb wait "$1" $environment "$2" --for running
    deploydb publish verification "$1" $environment "$2" --promotion smoke --outcome passed
    if [ $environment = staging ]; then deploydb approve "$1" staging "$2" --comment fine --by alice; fi
  done
  deploydb wait "$1" prod "$2"
}
"""
_SERVER = re.compile(r"deploydb (up|deployer)\b")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A command, and what the page says that it prints; None where it says nothing."""

    command: str
    output: str | None


class Site:
    """`config` and `deploy/example` of a clone; a folder, an address and data of its own."""

    def __init__(self, folder: Path, stack: ExitStack, *, configured: bool = True) -> None:
        self.folder, self._stack = folder, stack
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        for name in ("config", "deploy/example") if configured else ("deploy/example",):
            shutil.copytree(ROOT / name, folder / name)
        program = folder / "bin/deploydb"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m deploydb "$@"\n')
        program.chmod(0o755)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DEPLOYDB_")}
        self.environment = inherited | {
            "PATH": f"{program.parent}:{inherited['PATH']}",
            "DEPLOYDB_LISTEN": f"127.0.0.1:{port}",
            "DEPLOYDB_URL": self.url,
        }

    def start(self) -> "Site":
        """DeployDB and the orchestrator of the first tour."""
        self.serve("deploydb up", "Ready: …")
        self.serve("deploydb deployer --orchestrator default -- deploy/example/deploy.sh", None)
        return self

    def run(self, script: str, **environment: str) -> str:
        """What it prints. It must succeed."""
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
            check=False,
        )
        assert ended.returncode == 0, f"{script}\n{ended.stdout}"
        return ended.stdout

    def serve(self, command: str, output: str | None) -> None:
        """Start what runs until it is stopped, and wait until it has printed the lines."""
        log = self._stack.enter_context((self.folder / f"{command.split()[1]}.log").open("w+", encoding="utf-8"))
        server = subprocess.Popen(
            ["sh", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdout=log, stderr=log
        )
        self._stack.callback(server.wait, 30)
        self._stack.callback(server.terminate)

        def has_printed() -> bool:
            assert server.poll() is None, Path(log.name).read_text()
            text = self.normal(Path(log.name).read_text())
            return all(re.search(self._expected(line), text) for line in (output or "").splitlines())

        until(has_printed, what=f"{command} has printed {output}")

    def follow(self, step: Step) -> None:
        """Run a step of a page: it prints what the page says."""
        if _SERVER.match(step.command):
            self.serve(step.command, step.output)
            return
        found = self.normal(self.run(step.command))
        if step.output is not None:
            assert re.fullmatch(self._expected(step.output), found), (
                f"$ {step.command}\n{found}\nexpected:\n{step.output}"
            )

    def normal(self, text: str) -> str:
        """Without what differs from run to run: times, durations, the address, the width of columns."""
        text = text.replace(self.url, DEFAULT)
        text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
        text = re.sub(r"\b(\d+[smhd] ?)+ago", "AGO", text)
        return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())

    def _expected(self, output: str) -> str:
        """`…` stands for anything within a line."""
        return re.escape(self.normal(output)).replace("…", ".*")


def steps(page: str) -> Iterator[Step]:
    """The commands of the blocks of docs/PAGE, in their order. A block `text` has the output of the one before it."""
    blocks = _BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    for number, (kind, text) in enumerate(blocks):
        if kind == "console":
            for each in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = each.partition("\n")
                yield Step(command, output)
        elif kind == "sh":
            after = blocks[number + 1 : number + 2]
            yield Step(text, after[0][1] if after and after[0][0] == "text" else None)
        elif kind == "yaml" and (name := re.match(r"# (services/\S+\.yml)\n", text)):
            yield Step(f"cat > config/{name[1]} <<'FILE'\n{text}FILE", None)
