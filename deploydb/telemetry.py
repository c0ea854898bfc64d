"""Logs: lines for people on a terminal, one JSON object a line anywhere else, and no secret in either.

Everything goes to stderr; stdout is for data. What libraries log comes out the same way. The metrics are defined by
the worker that measures them, in its own file.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from deploydb.domain.errors import Misconfigured

Log = FilteringBoundLogger

_LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_QUIETED = ("pika", "amqp", "kombu", "alembic", "asyncio")
"""Libraries that log what they also raise: said once, by the caller that knows what it means."""

_PASSWORD_IN_URL = re.compile(r"(://[^\s:/@\"']*:)[^\s\"']+@")
_NAMED_SECRET = re.compile(r"((?:password|passwd|secret|token)(?:=|\"?: ?\"))[^\s\"&']+", re.IGNORECASE)


def open_log(level: str, *, name: str, stream: TextIO | None = None) -> Log:
    """The log of one process, `name` on each line; called once, by the composition root.

    Raises: Misconfigured for a level that does not exist.
    """
    threshold = _LEVELS.get(level.lower())
    if threshold is None:
        raise Misconfigured(f"DEPLOYDB_LOG_LEVEL is {level!r}: expected one of {', '.join(_LEVELS)}")
    target = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        _timestamp,
    ]
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(target), _redact],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
    for library in _QUIETED:
        logging.getLogger(library).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    log: Log = structlog.get_logger("deploydb").bind(part=name)
    return log


def redacted(text: str) -> str:
    """The text without the passwords of its URLs, and without what is named a password, secret or token."""
    return _NAMED_SECRET.sub(r"\1***", _PASSWORD_IN_URL.sub(r"\1***@", text))


def _renderers(target: TextIO) -> list[Processor]:
    if target.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]


def _timestamp(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["at"] = datetime.now(UTC).isoformat()
    return event


def _redact(_logger: object, _method: str, rendered: Any) -> str:  # noqa: ANN401  # the renderer's text
    return redacted(str(rendered))
