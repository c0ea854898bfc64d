"""Logs: lines for people on a terminal, one JSON object a line anywhere else; no secret and no control in either.

Everything goes to stderr; stdout is for data. What libraries log comes out the same way. The metrics are defined by
the worker that measures them, in its own file.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.unsafe_characters import visible, visible_in_json
from deploydb.redaction import HIDDEN, redacted
from deploydb.terminal import plain

Log = FilteringBoundLogger

_LEVELS: Mapping[str, int] = {name: getattr(logging, name.upper()) for name in ("debug", "info", "warning", "error")}
_QUIETED = ("pika", "amqp", "kombu", "alembic", "asyncio")
"""Libraries that log what they also raise: the caller logs it once, with its meaning."""
_SEVERAL_LINES = ("exception", "stack")
_SECRET = re.compile(r"password|passwd|secret|token$|authorization|cookie", re.IGNORECASE)
"""Names of fields whose values are never shown."""


def open_log(level: str, *, name: str, secrets: Sequence[str] = (), stream: TextIO | None = None) -> Log:
    """The log of one process, `name` on each line, without the `secrets`; called once, by the composition root.

    Raises: Misconfigured for a level that does not exist.
    """
    threshold = _LEVELS.get(level.lower())
    if threshold is None:
        raise Misconfigured(f"DEPLOYDB_LOG_LEVEL is {level!r}: expected one of {', '.join(_LEVELS)}")
    target = plain(sys.stderr) if stream is None else stream
    is_terminal = target.isatty()
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
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _Cleaned(secrets, is_terminal=is_terminal),
                _renderer(is_terminal=is_terminal),
            ],
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


class _Cleaned:
    """A processor: what is logged as plain values, redacted; on a terminal with hidden characters shown as escapes."""

    def __init__(self, secrets: Sequence[str], *, is_terminal: bool) -> None:
        self._secrets = secrets
        self._is_terminal = is_terminal

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {self._text(name): self._value(value, name) for name, value in event.items()}

    def _value(self, value: object, name: str = "") -> Any:  # noqa: ANN401  # any JSON
        match value:
            case None | bool() | int() | float():
                return value
            case str() if _SECRET.search(name) and value:
                return HIDDEN
            case str():
                return self._text(value, keep="\n\t" if name in _SEVERAL_LINES else "\t")
            case Mapping():
                return {self._text(str(key)): self._value(member, str(key)) for key, member in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._value(member) for member in value]
            case _:
                return self._text(repr(value))

    def _text(self, text: str, keep: str = "\t") -> str:
        text = redacted(text, self._secrets)
        return visible(text, keep=keep) if self._is_terminal else text


def _renderer(*, is_terminal: bool) -> Processor:
    if is_terminal:
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(serializer=_json)


def _json(event: object, **_: object) -> str:
    return visible_in_json(json.dumps(event, ensure_ascii=False))


def _timestamp(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["at"] = datetime.now(UTC).isoformat()
    return event
