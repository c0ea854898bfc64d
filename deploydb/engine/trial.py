"""A run forward that can be tried again without some of what it was given."""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from deploydb.engine.fork import fork
from deploydb.engine.forward import Forward
from deploydb.engine.needs import Key, Need


class Trial(Forward):
    """Keeps its state of each time at which something is asked for first: another trial begins there."""

    _first_asked: Mapping[Key, int] = MappingProxyType({})
    """By need, the place in `_past` of the state in which it was asked for first."""
    _past: tuple["Trial", ...] = ()

    def without(self, keys: Collection[Key], never: Collection[Key] = ()) -> "Trial":
        """The run that is given what this one was, but for `keys`; not even time meets those of `never`. Goes on from
        where one of them was asked for first."""
        made = fork(self._past[min(self._first_asked[key] for key in (*keys, *never))])
        made._only, made._never, made.looks = self.given.keys() - keys, never, 0
        made._holds |= {key: replace(hold, until=None) for key, hold in made._holds.items() if ("hold", *key) in never}
        return made

    def _needs(self) -> Iterator[Need]:
        found = list(super()._needs())
        fresh = [need.key for need in found if need.key not in self._first_asked]
        if fresh:
            state = fork(self)
            self._first_asked = {**self._first_asked, **dict.fromkeys(fresh, len(self._past))}
            self._past = (*self._past, state)
        return iter(found)
