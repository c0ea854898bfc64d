"""A copy of state in memory that goes on by itself."""

from collections import defaultdict
from copy import copy
from typing import Any, TypeVar

State = TypeVar("State")


class Forkable:
    """State whose dicts, lists and sets are its own. What they hold is immutable, or state again."""


def fork(state: State) -> State:
    """A copy of the state with what it contains: no change of one is seen in the other. Shares what is immutable; what
    is contained twice is copied once."""
    made: State = _fork(state, {})
    return made


def _fork(value: Any, known: dict[int, Any]) -> Any:  # noqa: ANN401
    made = known.get(id(value), value)
    match made:
        case Forkable() if made is value:
            made = known[id(value)] = copy(value)
            vars(made).update((name, _fork(one, known)) for name, one in vars(value).items())
        case defaultdict():
            made = defaultdict(value.default_factory, ((key, _fork(one, known)) for key, one in value.items()))
        case dict():
            made = {key: _fork(one, known) for key, one in value.items()}
        case list():
            made = [_fork(one, known) for one in value]
        case set():
            made = set(value)
    return made
