"""Streams that people read. Text of others goes through `Visible`, whose characters cannot command a terminal."""

import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import TextIO, cast

from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.unsafe_characters import visible
from deploydb.redaction import redacted
from deploydb.settings import from_environment


def _as_it_is(text: str) -> str:
    return text


class Visible(TextIOWrapper):
    """A text stream over another's bytes: what is written is redacted, and hidden characters are shown as escapes.

    `plain` is the other stream, for what has styles of our own. Bytes are written as they are, by `buffer`.
    """

    def __init__(
        self, plain: TextIOWrapper, *, redact: Callable[[str], str] = _as_it_is, errors: str | None = None
    ) -> None:
        super().__init__(
            plain.buffer,
            plain.encoding,
            errors or plain.errors,
            line_buffering=plain.line_buffering,
            write_through=True,
        )
        self.plain = plain
        self._redact = redact

    def write(self, text: str, /) -> int:
        """Write it; how much of it was written, as it was given."""
        super().write(visible(self._redact(text)))
        return len(text)


def plain(stream: TextIO) -> TextIO:
    """The stream below a `Visible`, to which all before is written; else the stream itself."""
    if not isinstance(stream, Visible):
        return stream
    stream.flush()
    return cast("TextIO", stream.plain)


def make_visible() -> None:
    """From now on nothing that is written commands the terminal, and no secret of the settings is shown on stderr."""
    try:
        secrets = from_environment().secrets
    except Misconfigured:
        secrets = ()  # the reader of the settings reports what is wrong with them
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal that has no arrow gets a question mark, not an error
        sys.stdout = Visible(sys.stdout, errors="replace")
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = Visible(sys.stderr, redact=lambda text: redacted(text, secrets))
