"""The network of containers that share that of the machine: an address on loopback for each, and their names."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path


class Loopback:
    """`servers`: where each server of the files is, by its name and port there."""

    def __init__(self, names: Iterable[str], folder: Path, servers: Mapping[str, str]) -> None:
        self.addresses = {name: f"127.1.0.{number}" for number, name in enumerate(names, start=1)}
        self.hosts = folder / "hosts"
        self.hosts.write_text("".join(f"{address} {name}\n" for name, address in self.addresses.items()))
        self._servers = servers

    def text(self, text: str, name: str = "") -> str:
        """The one place where addresses are other ones than in the file: ports of servers, and 0.0.0.0, which all
        containers have for themselves."""
        for server, address in self._servers.items():
            text = text.replace(server, address)
        return re.sub(r"\b(0\.0\.0\.0|127\.0\.0\.1)(?=:8080|$)", self.addresses.get(name, "127.0.0.1"), text)
