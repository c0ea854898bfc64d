"""What environments are called now, and what a configuration renames.

Several names may be those of one environment: the one that it has, and those that it had. Who names it by any of them
means it. Where another configuration has an environment by another of its names, the environment takes that name, with
all that is known of it; so a configuration that is taken back takes its names back.
"""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.renamed_catalog import renamed_catalog


class Move(Struct, frozen=True, kw_only=True):
    """What has the name `old` has the name `new` from then on.

    `unmatched`: so have the facts that match nothing; else they go on waiting for an environment of their name.
    """

    old: str
    new: str
    unmatched: bool = True


class EnvironmentNames(Struct, frozen=True, kw_only=True):
    """The names that mean an environment of another name, or did. `current`: by name, what its environment is called
    now.

    `taken`: by the name of an environment that had another one, the change by which it got that name: what had the name
    before is kept apart as `set_aside`. `number`: how many changes there were.
    """

    current: dict[str, str] = {}
    taken: dict[str, int] = {}
    number: int = 0

    def now(self, name: str) -> str:
        """What the environment is called now that a name means."""
        return self.current.get(name, name)


class Renamed(Struct, frozen=True, kw_only=True):
    """What a change of the configuration has renamed, as the log has it: the moves, one after the other, and the names
    after them, by which facts are read from then on."""

    moves: tuple[Move, ...] = ()
    current: dict[str, str] = {}

    def now(self, name: str) -> str:
        """The name after the moves of what has this one before them."""
        for move in self.moves:
            name = move.new if name == move.old else name
        return name

    def now_unmatched(self, name: str) -> str:
        """The same of a fact that matches nothing."""
        return Renamed(moves=tuple(move for move in self.moves if move.unmatched)).now(name)


class Renaming(Struct, frozen=True, kw_only=True):
    """What a configuration renames. `names`: after it. `carried`: by the new name of an environment, the one that it
    had. `refused`: by its name, the earlier name that carries nothing to it, since both are environments already."""

    moves: tuple[Move, ...] = ()
    names: EnvironmentNames = EnvironmentNames()
    carried: dict[str, str] = {}
    refused: dict[str, str] = {}
    is_any: bool = False
    """Whether names change."""

    @property
    def renamed(self) -> Renamed:
        """For the log."""
        return Renamed(moves=self.moves, current=self.names.current)


def set_aside(name: str, number: int) -> str:
    """The name of what had a name before an environment got it by that change; no environment can be called so."""
    return f"{name}~{number}"


def renaming(
    names: EnvironmentNames, catalog: Catalog, before: Collection[str] | None, is_used: Callable[[str], bool]
) -> Renaming:
    """What a configuration renames when it comes into force.

    `before`: the environments of the one in force, None where there is none. `is_used`: whether anything was ever
    deployed to a name.
    """
    plan = _Plan(names, catalog, before, is_used)
    # those that say what they were called before others that have an earlier name of something
    for environment in sorted(catalog.environments.values(), key=lambda one: (not one.renamed_from, one.ident)):
        plan.follow(environment.ident, environment.renamed_from)
    return plan.made()


def under(catalog: Catalog, names: EnvironmentNames) -> Catalog:
    """The catalog with the names that environments have now. It may be older than they are."""
    if not names.current:
        return catalog
    found = {name: names.now(name) for name in catalog.environments}
    return with_names(catalog, {old: new for old, new in found.items() if old != new and new not in found})


def with_names(catalog: Catalog, names: Mapping[str, str]) -> Catalog:
    """The catalog with other names of environments."""
    return _with_names(catalog, tuple(sorted(names.items()))) if names else catalog


@lru_cache(maxsize=8)
def _with_names(catalog: Catalog, names: tuple[tuple[str, str], ...]) -> Catalog:
    return renamed_catalog(catalog, dict(names))


class _Plan:
    """A renaming in the making."""

    def __init__(
        self,
        names: EnvironmentNames,
        catalog: Catalog,
        before: Collection[str] | None,
        is_used: Callable[[str], bool],
    ) -> None:
        self._names = names
        self._configured = catalog.environments.keys()
        self._before = before or ()
        self._is_first = before is None
        self._is_used = is_used
        self._current = dict(names.current)
        self._taken = dict(names.taken)
        self._number = names.number + 1
        self._moves: list[Move] = []
        self._carried: dict[str, str] = {}
        self._refused: dict[str, str] = {}

    def follow(self, ident: str, earlier: tuple[str, ...]) -> None:
        """Have an environment carry on what its earlier names mean."""
        origins = [self._current.get(name, name) for name in (*earlier, ident)]
        origins = [one for one in dict.fromkeys(origins) if one != ident and one not in self._configured]
        if origins and not self._is_environment(ident):
            self._move(min(origins, key=lambda one: (one not in self._before, not self._is_used(one))), ident)
        for name in earlier:
            if name in self._configured or self._current.get(name, name) != name:
                continue
            if name in self._before or self._is_used(name):
                self._refused.setdefault(ident, name)
            else:
                self._current[name] = ident

    def made(self) -> Renaming:
        """All of it. An environment that is configured is one of its own, whatever had its name."""
        for name in self._configured:
            if self._current.get(name, name) != name:
                del self._current[name]
        if self._current == self._names.current:
            return Renaming(names=self._names, refused=self._refused)
        names = EnvironmentNames(current=self._current, taken=self._taken, number=self._number)
        return Renaming(
            moves=tuple(self._moves), names=names, carried=self._carried, refused=self._refused, is_any=True
        )

    def _is_environment(self, ident: str) -> bool:
        """Whether it was one before this configuration, by this name."""
        known = ident in self._before or self._current.get(ident) == ident
        return known or (self._is_first and self._is_used(ident))

    def _move(self, origin: str, ident: str) -> None:
        self._moves.append(Move(old=ident, new=set_aside(ident, self._number), unmatched=self._is_used(ident)))
        self._moves.append(Move(old=origin, new=ident))
        if origin in self._taken:
            self._moves.append(Move(old=set_aside(origin, self._taken.pop(origin)), new=origin))
        self._current = {name: ident if now == origin else now for name, now in self._current.items()}
        self._current |= {origin: ident, ident: ident}
        self._taken[ident] = self._number
        self._carried[ident] = origin
