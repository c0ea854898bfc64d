"""What differs between two readings of a configuration, in words: one for each key."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploydb.configuration.source import read_source
from deploydb.domain.suggestions import shown
from deploydb.redaction import redacted

_LONGEST = 80
_MOST = 100
_PRIVATE = ("headers", "body", "url", "urls")
"""Keys whose values may have secrets in them: they are named, and not shown."""


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """The differences between the files of two configurations, such as `pipelines/main.yml: environments.canary added`.

    Addresses, and what looks like a secret, are not shown. At most `_MOST`, and then how many more there are.
    """
    found = [
        f"{path}: {text}"
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
        for text in _of_file(path, old.get(path), new.get(path))
    ]
    return (*found[:_MOST], *((f"{len(found) - _MOST} more",) if len(found) > _MOST else ()))


def _of_file(path: str, old: str | None, new: str | None) -> Iterator[str]:
    if old is None or new is None:
        yield "added" if old is None else "removed"
        return
    before, after = (read_source(path, text.encode()).value for text in (old, new))
    yield from _of_value((), before, after)


def _of_value(at: tuple[str, ...], old: Any, new: Any) -> Iterator[str]:  # noqa: ANN401  # any YAML
    if old == new and not isinstance(old, dict):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            if key not in old:
                yield f"{_name(at, key)} added{_given(at, key, new[key])}"
            elif key not in new:
                yield f"{_name(at, key)} removed"
            else:
                yield from _of_value((*at, key), old[key], new[key])
        kept = [[key for key in one if key in other] for one, other in ((old, new), (new, old))]
        if kept[0] != kept[1]:
            yield f"{'.'.join(at) or 'keys'} in another order: {', '.join(new)}"
        return
    name = _name(at[:-1], at[-1]) if at else "all of it"
    if _is_shown(at, old) and _is_shown(at, new):
        yield f"{name} {_text(old)} → {_text(new)}"
    else:
        yield f"{name} changed"


def _given(at: tuple[str, ...], key: str, value: Any) -> str:  # noqa: ANN401
    shows = value is not None and not isinstance(value, dict) and _is_shown((*at, key), value)
    return f": {_text(value)}" if shows else ""


def _is_shown(at: tuple[str, ...], value: Any) -> bool:  # noqa: ANN401
    text = f"{at[-1] if at else ''}: {_text(value)!r}"
    return not any(part in _PRIVATE for part in at) and "://" not in str(value) and redacted(text) == text


def _text(value: Any) -> str:  # noqa: ANN401
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case list():
            return shown(f"[{', '.join(map(_text, value))}]", _LONGEST)
        case _:
            return shown(str(value), _LONGEST)


def _name(at: tuple[str, ...], key: str) -> str:
    return shown(".".join((*at, key)), _LONGEST)
