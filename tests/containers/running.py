"""The processes of containers that run until they are stopped."""

import subprocess
import urllib.request
from pathlib import Path

from tests.containers.container import Container
from tests.containers.loopback import Loopback
from tests.servers import until


class Running:
    """Where something fails, `kill` ends all processes."""

    def __init__(self, network: Loopback, folder: Path) -> None:
        self._network = network
        self._folder = folder
        self._count = 0
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def root(self) -> Path:
        """An empty folder for a container to be mounted on."""
        self._count += 1
        return self._folder / f"root-{self._count}"

    def run(self, container: Container) -> str:
        return container.run(self.root())

    def start(self, name: str, container: Container) -> None:
        self.processes[name] = container.start(self.root())

    def until_it_answers(self, name: str, path: str) -> None:
        """Wait until the process answers with 200."""

        def answers() -> bool:
            assert self.processes[name].poll() is None, name
            try:
                with urllib.request.urlopen(f"http://{self._network.addresses[name]}:8080{path}", timeout=20) as answer:
                    return bool(answer.status == 200)
            except OSError:
                return False

        until(answers, what=f"{name} to answer {path}")

    def kill(self, *names: str) -> None:
        """Kill some, or all without names."""
        for name in names or tuple(self.processes):
            process = self.processes.pop(name)
            process.kill()
            process.wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        codes = {name: process.wait(30) for name, process in self.processes.items()}
        assert set(codes.values()) == {0}, codes
