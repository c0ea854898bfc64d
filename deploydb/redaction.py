"""Secrets kept out of what people read: URLs are shown by their parts, and what is known to be secret is cut out.

Three lines of defence. A setting's URL is never shown but by `shown_url`. In every other text (a driver's error, a
traceback, a library's log line) the secrets that this process knows are replaced in each form in which they may be
quoted (`secrets_in`, `redacted`). What is not known is recognised by its look: our tokens, headers of HTTP, passwords
in other URLs, and what is named a password, secret or token.
"""

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit

SHORTEST = 4
"""Shorter secrets are not looked for in texts: they are in every one."""
HIDDEN = "***"

_SHOWN_OPTIONS = ("host", "port", "dbname", "sslmode", "target_session_attrs")
_FILES = ("sqlite", "embedded")
_SECRET_NAME = re.compile(r"pass|secret|token|key|credential|auth", re.IGNORECASE)

_NAMED = r"(?:password|passwd|passphrase|secret|token|session|deploydb_form|api[_-]?key)"
_BY_LOOK: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bddb_[A-Za-z0-9_-]+"), f"ddb_{HIDDEN}"),
    (
        re.compile(r"\b((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)(?:[a-z]+\s+)?[^\s\"',]+", re.IGNORECASE),
        r"\1***",
    ),
    (re.compile(r"\b(bearer\s+)(?!tokens?\b|auth)[^\s\"',;]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"\b((?:set-)?cookie[\"']?\s*[:=]\s*[\"']?)(?=[^\s=]+=)[^\"'\r\n]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"(://[^\s:/@\"']*:)[^\s\"']+@"), r"\1***@"),
    (re.compile(rf"({_NAMED}[\"']?(?:=|: ?(?=[\"'])))(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"&';]+)", re.IGNORECASE), r"\1***"),
)


def shown_url(url: str) -> str:
    """A URL of the settings for people: scheme, user, host, port, path, and the options that are no secrets.

    A URL that cannot be read for certain, such as one with an `@` that is not percent-encoded in its password, is shown
    by its scheme alone.
    """
    scheme, separator, rest = url.partition(":")
    if scheme.partition("+")[0] in _FILES and separator:
        return url if scheme == "embedded" else f"{scheme}:{rest.partition('?')[0]}"
    unknown = f"{scheme}://…" if separator and scheme.replace("+", "").isalnum() else "…"
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query)
        userinfo, at, host = parts.netloc.rpartition("@")
        _ = parts.port  # which is only read now
    except ValueError:
        return unknown
    misread = "@" in userinfo or "@" in f"{parts.path}{parts.query}{parts.fragment}" or parts.fragment
    if misread or not (parts.netloc or parts.path.startswith("/")):
        return unknown
    user = userinfo.partition(":")[0]
    kept = "&".join(f"{name}={value}" for name, value in options if name in _SHOWN_OPTIONS)
    return f"{parts.scheme}://{user}{at}{host}{parts.path}{'?' if kept else ''}{kept}"


def shown_endpoint(endpoint: str) -> str:
    """An endpoint of webhooks for people: the name of one, or the URL of a list as `shown_url` has it."""
    return shown_url(endpoint) if "://" in endpoint else endpoint


def secrets_in(urls: Iterable[str], *others: str) -> tuple[str, ...]:
    """The passwords of URLs, and the other secrets, in each form in which they may be quoted; the longest first.

    What is also another part of its URL (a password that is the user's name) is no secret that could be kept.
    """
    found: set[str] = set()
    for url in urls:
        beside = shown_url(url)
        found |= {form for secret in _passwords(url) for form in _forms(secret) if form not in beside}
    found |= {form for secret in others for form in _forms(secret)}
    return tuple(sorted((form for form in found if len(form) >= SHORTEST), key=lambda form: (-len(form), form)))


def redacted(text: str, secrets: Sequence[str] = ()) -> str:
    """The text without the secrets, the longest of which come first, and without what looks like one."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    for pattern, shown in _BY_LOOK:
        text = pattern.sub(shown, text)
    return text


def _passwords(url: str) -> set[str]:
    """Each text that a reader of the URL may take for its password, and those of its options."""
    _, _, rest = url.partition("://")
    found = {rest[:at].partition(":")[2] for at, letter in enumerate(rest) if letter == "@"}
    with suppress(ValueError):  # no connection is possible with it
        found |= {value for name, value in parse_qsl(urlsplit(url).query) if _SECRET_NAME.search(name)}
    return found


def _forms(secret: str) -> set[str]:
    plain = {secret, unquote(secret), unquote_plus(secret)}
    quoted = {form for one in plain for form in (quote(one, safe=""), quote(one), quote_plus(one))}
    written = {form for one in plain for form in (repr(one)[1:-1], json.dumps(one)[1:-1])}
    return plain | quoted | written | {json.dumps(one, ensure_ascii=False)[1:-1] for one in plain}
