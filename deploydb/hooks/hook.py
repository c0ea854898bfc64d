"""One configured webhook: `hooks/NAME.yml`, read."""

import re
from fnmatch import fnmatchcase

from msgspec import Struct

from deploydb.hooks.payload import Payload
from deploydb.hooks.signal import Signal

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
FIELD = "$."
"""Begins the path of a field of the payload; other names are those of the signal."""
PART = "*"
"""Ends the name of a placeholder for what the `*` in the glob of the name stands for: `{tag*}`."""
MOVING_TAGS = ("latest",)


class Secret(Struct, frozen=True, kw_only=True):
    """Where a secret is: a variable of the environment, or a file. Exactly one is given."""

    env: str | None = None
    file: str | None = None


class Rule(Struct, frozen=True, kw_only=True):
    """What a signal means that has all the names of `when`, each a glob. The values may have `{name}`, `{name*}` and
    `{$.path.of.a.field}` in them."""

    when: dict[str, str] = {}
    ignore: bool = False
    values: dict[str, str] = {}


class Hook(Struct, frozen=True, kw_only=True):
    """`observed`: deployments of the tool are its own, and no command of DeployDB."""

    name: str
    type: str
    secret: Secret
    rules: tuple[Rule, ...] = ()
    moving_tags: tuple[str, ...] = MOVING_TAGS
    observed: bool = False

    @property
    def file(self) -> str:
        """Its file, for messages."""
        return f"hooks/{self.name}.yml"

    @property
    def publisher(self) -> str:
        """The publisher and the source of its facts."""
        return f"hooks/{self.name}"

    def meaning(self, signal: Signal, payload: Payload) -> dict[str, str] | None:
        """The values of the rules that match, of each key the first one; None where a rule ignores the signal."""
        found: dict[str, str] = {}
        for rule in self.rules:
            if all(_matches(pattern, _value(name, signal, payload)) for name, pattern in rule.when.items()):
                if rule.ignore:
                    return None
                for key, template in rule.values.items():
                    text = _filled(template, rule, signal, payload)
                    if text:
                        found.setdefault(key, text)
        return found

    def moves(self, tag: str) -> bool:
        """Whether the tag is one that moves from version to version."""
        return any(fnmatchcase(tag, pattern) for pattern in self.moving_tags)


def _matches(pattern: str, value: str | None) -> bool:
    return value is not None and fnmatchcase(value, pattern)


def _value(name: str, signal: Signal, payload: Payload) -> str | None:
    if name.startswith(FIELD):
        return payload.shown(name.removeprefix(FIELD))
    return signal.kind if name == "kind" else signal.names.get(name)


def part_of(pattern: str) -> tuple[str, str] | None:
    """What stands before and after the only `*` of a glob; None where it has more to it."""
    before, _, after = pattern.partition(PART)
    return (before, after) if pattern.count(PART) == 1 and not re.search(r"[?\[]", pattern) else None


def _placed(name: str, rule: Rule, signal: Signal, payload: Payload) -> str | None:
    bare = name.removesuffix(PART)
    value, around = _value(bare, signal, payload), part_of(rule.when.get(bare, ""))
    if bare == name or value is None or around is None:
        return value
    return value[len(around[0]) : len(value) - len(around[1])] or None


def _filled(template: str, rule: Rule, signal: Signal, payload: Payload) -> str | None:
    """None where a placeholder has no value."""
    values = {name: _placed(name, rule, signal, payload) for name in PLACEHOLDER.findall(template)}
    if None in values.values():
        return None
    return PLACEHOLDER.sub(lambda found: values[found[1]] or "", template)
