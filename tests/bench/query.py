"""What the query service answers in a second, and how long the matrix takes, with a million events behind it."""

import http.client
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from statistics import quantiles

import psycopg

from tests.bench.stage import Stage, stage
from tests.history import fill
from tests.servers import Servers, until

ENVIRONMENTS = ("dev", "test", "staging", "preprod", "prod")
TWELVE = tuple(f"region-{number:02}" for number in range(12))
CONNECTIONS = 32
SECONDS = 5


class Answering:
    """A query service process, and clients of it."""

    def __init__(self, made: Stage, address: str) -> None:
        self._made = made
        self._address = address

    def cold(self, path: str, *, times: int, accept: str = "application/json") -> tuple[float, float, int]:
        """p50 and p99 in milliseconds of an answer, one lane in a hundred changed before each; and its bytes."""
        taken, size = [], 0
        with (
            closing(http.client.HTTPConnection(self._address)) as client,
            psycopg.connect(self._made.database_url, autocommit=True) as database,
        ):
            for number in range(times):
                database.execute(_CHANGE, (number, number % 100))
                began = time.perf_counter()
                client.request("GET", path, headers={"Accept": accept})
                answer = client.getresponse()
                body = answer.read()
                if number:  # the first one finds everything cold
                    taken.append((time.perf_counter() - began) * 1000)
                assert answer.status == 200, body[:200]
                size = len(body)
        cuts = quantiles(taken, n=100)
        return cuts[49], cuts[98], size

    def requests(self, path: str, *, unchanged: bool = False) -> float:
        """Requests a second that `wrk` gets answered; with `unchanged`, by 304. `%d` in the path: another each time.

        Raises: AssertionError where an answer was anything else.
        """
        if shutil.which("wrk") is None:
            raise SystemExit("wrk is missing: apt-get install wrk")
        tag = self._tag(path.replace("%d", "1"))
        headers = f'wrk.headers["If-None-Match"] = [[{tag}]]' if unchanged else ""
        expected = 304 if unchanged else 200
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(_SCRIPT % {"headers": headers, "path": path, "expected": expected})
            script.flush()
            command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script.name, f"http://{self._address}"]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"Requests/sec:\s+([\d.]+)", output)
        assert found is not None, output
        assert "others: 0" in output, output
        return float(found[1])

    def _tag(self, path: str) -> str:
        with closing(http.client.HTTPConnection(self._address)) as client:
            client.request("GET", path)
            return str(client.getresponse().headers["ETag"])


@contextmanager
def answering(
    servers: Servers, *, services: int, events: int, environments: tuple[str, ...] = ENVIRONMENTS
) -> Iterator[Answering]:
    """A query service on so many services in some environments, with a past of so many events."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    with stage(servers, services, environments, DEPLOYDB_LISTEN=address) as made:
        fill(made.database_url, ends_at=datetime.now(UTC), services=services, events=events, environments=environments)
        with made.workers("query"):
            until(lambda: _answers(address), seconds=20, what="the query service to answer")
            yield Answering(made, address)


def _answers(address: str) -> bool:
    try:
        with closing(http.client.HTTPConnection(address, timeout=5)) as client:
            client.request("GET", "/readyz")
            return client.getresponse().status == 200
    except OSError:
        return False


_CHANGE = """
WITH changed AS (
    UPDATE deployment SET status_reason = jsonb_build_object('code', 'reported', 'text', 'change ' || %s)
    FROM current_version
    WHERE deployment.id = current_version.deployment_id AND current_version.deployment_id %% 100 = %s
)
INSERT INTO revision VALUES (0, 1) ON CONFLICT (slot) DO UPDATE SET number = revision.number + 1
"""
_SCRIPT = """
others = 0
%(headers)s
local number = 0
function request()
  number = number %% 10000 + 1
  return wrk.format("GET", string.format("%(path)s", number))
end
function response(status)
  if status ~= %(expected)d then others = others + 1 end
end
local threads = {}
function setup(thread) table.insert(threads, thread) end
function done()
  local sum = 0
  for _, thread in ipairs(threads) do sum = sum + thread:get("others") end
  print("others: " .. sum)
end
"""
