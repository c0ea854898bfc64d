"""Logs: one JSON object a line, for every logger, and no secret in any."""

import io
import json
import logging

import pytest

from deploydb.domain.model.errors import Misconfigured
from deploydb.redaction import redacted
from deploydb.telemetry import open_log


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("amqp://ingest:s3cret@mq:5672/prod is away", "amqp://ingest:***@mq:5672/prod is away"),
        ("postgresql://u:p/@w:ord@db/x", "postgresql://u:***@db/x"),
        ("host=db password=hunter2 user=x", "host=db password=*** user=x"),
        ("https://hooks.example.com/?token=abc&x=1", "https://hooks.example.com/?token=***&x=1"),
        ("http://127.0.0.1:8080/api/status", "http://127.0.0.1:8080/api/status"),
        ("alice@example.com", "alice@example.com"),
    ],
)
def test_secrets_are_redacted(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_each_line_is_one_json_object_with_its_part_level_and_time() -> None:
    stream = io.StringIO()
    log = open_log("info", name="ingest", stream=stream)
    log.debug("not shown")
    log.info("recorded", stored=3, url="amqp://u:secret@h/")
    logging.getLogger("some.library").warning("it says %s", "this\nand that")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.pop("at").endswith("+00:00") for line in lines] == [True, True]
    assert lines == [
        {"event": "recorded", "level": "info", "part": "ingest", "stored": 3, "url": "amqp://u:***@h/"},
        {"event": "it says this\nand that", "level": "warning", "logger": "some.library"},
    ]


def test_a_traceback_is_in_the_line_and_redacted_too() -> None:
    stream = io.StringIO()
    log = open_log("info", name="relay", stream=stream)
    log.critical("ended", exc_info=RuntimeError("lost amqp://u:secret@h/"))
    (line,) = stream.getvalue().splitlines()
    answer = json.loads(line)["exception"]
    assert "RuntimeError: lost amqp://u:***@h/" in answer


def test_a_level_that_does_not_exist_is_reported() -> None:
    with pytest.raises(Misconfigured, match="DEPLOYDB_LOG_LEVEL is 'loud': expected one of debug, info"):
        open_log("loud", name="x")
