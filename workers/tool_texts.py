"""What a tool says, before it is kept and shown: without the credential, without hidden characters, and bounded."""

from msgspec.structs import replace

from deploydb.domain.templates import URL
from deploydb.domain.unsafe_characters import has_hidden, in_one_line, visible
from deploydb.orchestrators.conversation import Trouble
from deploydb.orchestrators.run import Finished, Run
from deploydb.redaction import redacted, secrets_in

_LONGEST_TEXT = 4000
_LONGEST_REASON = 1000
_LONGEST_LINE = 200
_LONGEST_URL = 8192
_LONGEST_ID = 1000


class ToolTexts:
    """The texts of one tool. `secrets`: the credential in each form in which it is sent."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = secrets_in((), *secrets)

    def text(self, text: str, longest: int = _LONGEST_TEXT) -> str:
        """A text of some lines. What is cut is cut in the end, when no half of a secret can be left."""
        return visible(redacted(text, self._secrets))[:longest]

    def run(self, run: Run) -> Run:
        """A run. Raises: Trouble where its id cannot be kept."""
        if has_hidden(run.id) or len(run.id) > _LONGEST_ID:
            raise Trouble(f"the id of its run is too long, or has hidden characters: {in_one_line(run.id[:100])}")
        etag = run.etag if run.etag is not None and _is_plain(run.etag) else None
        return replace(run, url=self._url(run.url), etag=etag)

    def end(self, finished: Finished) -> tuple[str | None, str]:
        """The page of a run that has ended, and why it has failed, with the last lines of the log."""
        lines = (self.text(line, _LONGEST_LINE) for line in finished.log)
        reason = self.text(finished.reason, _LONGEST_REASON)
        return self._url(finished.run.url), "\n".join((reason, *lines)) if reason else ""

    def _url(self, url: str | None) -> str | None:
        """A link for people, which is no other kind of one: `javascript:`, say."""
        if url is None or not URL.fullmatch(url) or not _is_plain(url):
            return None
        return redacted(url, self._secrets)


def _is_plain(text: str) -> bool:
    return len(text) <= _LONGEST_URL and not has_hidden(text)
