"""What an expression of PromQL selects."""

from collections.abc import Iterator
from typing import Any

import promql_parser


def selections(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric that it selects, with the labels that it matches or aggregates by. Raises: ValueError."""
    return list(_selected(promql_parser.parse(expression), frozenset()))


def _selected(expression: Any, labels: frozenset[str]) -> Iterator[tuple[str, set[str]]]:
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression.name, {matcher.name for matcher in expression.matchers.matchers} | labels
        return
    if isinstance(expression, promql_parser.AggregateExpr):
        labels |= set(getattr(expression.modifier, "labels", ()))
    parts = [getattr(expression, name, None) for name in ("expr", "lhs", "rhs", "vector_selector", "vs")]
    for part in [*parts, *getattr(expression, "args", ())]:
        if part is not None:
            yield from _selected(part, labels)
