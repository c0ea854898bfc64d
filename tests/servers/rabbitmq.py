"""A RabbitMQ node."""

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import quote, urlsplit

from tests.servers.ports import free_ports, listens
from tests.servers.process import until
from tests.servers.server import Server, ServerMissing


class RabbitMQ(Server):
    """A RabbitMQ node with its own cookie, epmd and folders. Boots in 5 to 10 seconds.

    `options` are lines for its `rabbitmq.conf`, kept for later starts.
    """

    _by_port: ClassVar[dict[int, "RabbitMQ"]] = {}

    def start(self, options: Mapping[str, str | int] | None = None) -> Self:
        bin_folder = self.programs()
        if not self.state:
            amqp, management, distribution, epmd = free_ports(4)
            self._make_folder()
            self._write_home(amqp, management, options or {})
            self._save(
                amqp=amqp,
                management=management,
                distribution=distribution,
                epmd_port=epmd,
                node=f"deploydb-{secrets.token_hex(4)}@localhost",
                bin=str(bin_folder),
                listeners=[amqp, *_listeners(options or {})],
            )
        if not self._process("epmd").alive:
            # Ours and in the foreground: one that the node starts would be a daemon of unknown pid.
            epmd_program = shutil.which("epmd") or "epmd"
            port = str(self.state["epmd_port"])
            command: list[str | Path] = [epmd_program, "-port", port, "-address", "127.0.0.1"]
            self._spawn("epmd", command, env=self.environment, cwd=self.folder)
            until(lambda: listens(self.state["epmd_port"]), what="epmd to listen")
        server = [bin_folder / "rabbitmq-server"]
        self._spawn("server", server, env=self.environment, cwd=self.folder)  # where it dumps its state if it crashes
        self._await_boot(self._is_ready)
        return self

    def stop(self) -> None:
        """As its operator would, epmd with it."""
        self._process("server").end(by=signal.SIGTERM, group=True)
        self._process("epmd").end(by=signal.SIGTERM)

    def kill(self) -> None:
        """kill -9 of the node; its epmd lives on."""
        self._process("server").end(by=signal.SIGKILL, group=True)

    def discard(self) -> None:
        self.kill()
        self._process("epmd").end(by=signal.SIGKILL)

    @staticmethod
    def programs() -> Path:
        """Where the scripts are. Raises: ServerMissing."""
        found = [Path("/usr/lib/rabbitmq/bin"), *sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))]
        for folder in found:
            if (folder / "rabbitmq-server").exists() and shutil.which("epmd"):
                return folder
        raise ServerMissing("RabbitMQ is not installed: apt-get install --no-install-recommends rabbitmq-server")

    @property
    def port(self) -> int:
        return int(self.state["amqp"])

    @classmethod
    def of(cls, url: str) -> "RabbitMQ | None":
        """The node whose URL it is, where this process has asked for it; None for another broker."""
        return cls._by_port.get(urlsplit(url).port or 0)

    def url(self, vhost: str = "/") -> str:
        self._by_port[self.port] = self
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def create_vhost(self, name: str) -> str:
        """A fresh vhost, and its URL."""
        self.api("PUT", f"vhosts/{quote(name, safe='')}")
        self.api(
            "PUT",
            f"permissions/{quote(name, safe='')}/guest",
            {"configure": ".*", "write": ".*", "read": ".*"},
        )
        return self.url(name)

    def delete_vhost(self, name: str) -> None:
        self.api("DELETE", f"vhosts/{quote(name, safe='')}")

    def create_user(self, name: str, password: str, vhost: str, permissions: Mapping[str, str]) -> str:
        """A user with `configure`, `write` and `read` patterns in a vhost, and its URL.

        Users are the node's, not the vhost's, and other tests make those of `deploydb broker definitions` on it
        meanwhile: the name is the test's own.
        """
        self.api("PUT", f"users/{quote(name, safe='')}", {"password": password, "tags": ""})
        everything = {"configure": "", "write": "", "read": "", **permissions}
        self.api("PUT", f"permissions/{quote(vhost, safe='')}/{quote(name, safe='')}", everything)
        return f"amqp://{quote(name)}:{quote(password)}@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def api(self, method: str, path: str, body: object = None) -> Any:
        """One call of the management interface (11 ms; `rabbitmqctl` takes a second). None where it answers nothing."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.state['management']}/api/{path}",
            method=method,
            data=None if body is None and method == "GET" else json.dumps(body or {}).encode(),
            headers={
                "Authorization": f"Basic {base64.b64encode(b'guest:guest').decode()}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def ctl(self, *arguments: str) -> str:
        """`rabbitmqctl ARGUMENTS`; what it prints."""
        done = subprocess.run(
            [Path(self.state["bin"]) / "rabbitmqctl", "--quiet", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def _write_home(self, amqp: int, management: int, options: Mapping[str, str | int]) -> None:
        home = self.folder / "home"
        home.mkdir()
        cookie = home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        configuration: dict[str, str | int] = {
            "listeners.tcp.default": f"127.0.0.1:{amqp}",
            "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": management,
            # Only the interface is wanted, not its statistics: they cost and the benchmarks would pay.
            "management_agent.disable_metrics_collector": "true",
            "log.console": "false",
            "log.file.level": "warning",
            "disk_free_limit.absolute": "50MB",
            "raft.wal_max_size_bytes": 64_000_000,
            **options,
        }
        (self.folder / "rabbitmq.conf").write_text(
            "".join(f"{key} = {value}\n" for key, value in configuration.items())
        )

    @property
    def environment(self) -> dict[str, str]:
        """That of its programs."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "RABBITMQ_NODENAME": self.state["node"],
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(self.state["distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self.state["epmd_port"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def _is_ready(self) -> bool:
        try:
            self.api("GET", "vhosts")
        except OSError:
            return False
        return all(listens(port) for port in self.state["listeners"])


def _listeners(options: Mapping[str, str | int]) -> list[int]:
    """The ports of a RabbitMQ node's further listeners."""
    return [int(str(value).rpartition(":")[2]) for name, value in options.items() if name.startswith("listeners.")]
