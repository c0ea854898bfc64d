"""CEL expressions, compiled: their errors are reported when the configuration is read.

CEL comes with the extra `deploydb[cel]`; only a configuration that has an expression needs it.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from deploydb.configuration.building import built
from deploydb.configuration.source import Source
from deploydb.domain.model.promotions import ExpressionPromotion, Rule

_TEXT, _NUMBER, _TIME = "STRING", "INT", "TIMESTAMP"
VARIABLES: Mapping[str, str] = {
    "service": _TEXT,
    "environment": _TEXT,
    "artifact.group": _TEXT,
    "artifact.name": _TEXT,
    "artifact.version": _TEXT,
    "artifact.url": _TEXT,
    "artifact.digest": _TEXT,
    "artifact.commit": _TEXT,
    "artifact.published_at": _TIME,
    "artifact.published_by": _TEXT,
    "flow.id": _NUMBER,
    "deployment.id": _NUMBER,
    "deployment.attempt": _NUMBER,
    "deployment.kind": _TEXT,
    "deployment.status": _TEXT,
    "deployment.since": _TIME,
    "now": _TIME,
}
"""The variables of expressions (`domain.gates.expression.variables`), each by its whole name: so a misspelt one is an
error of the configuration, and not of an evaluation at night."""

_PLACED = re.compile(r"<input>:(\d+):(\d+): (.*)")
_CODE = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


class ExpressionDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: a CEL expression must be true."""

    type_: Annotated[Literal["ExpressionPromotion"], Meta(description="An expression must be true.")]
    expression: Annotated[
        str,
        Meta(
            max_length=4096,
            description=f"The expression, in CEL. It may use {', '.join(VARIABLES)}.",
            extra_json_schema={"examples": ['artifact.published_by == "release-bot"']},
        ),
    ]
    description: Annotated[str, Meta(max_length=8192, description="A description for people.")] = ""
    interval: Annotated[
        timedelta, Meta(description="The time between two evaluations, where time may make it true.")
    ] = timedelta(minutes=1)


def build_expression(source: Source, ident: str, document: ExpressionDocument) -> ExpressionPromotion:
    """Build an expression promotion; its problems go to `source.problems`."""
    try:
        rule = compile_rule(document.expression)
    except ValueError as error:
        source.problem(("expression",), str(error))
        rule = _never
    return built(ExpressionPromotion, ident, document, expression=" ".join(document.expression.split()), rule=rule)


def compile_rule(expression: str) -> Rule:
    """Compile an expression to a rule. The rule raises ValueError for an error at evaluation; its work is bounded.

    Raises: ValueError for a syntax error, an unknown variable, an expression that is not boolean, or without CEL.
    """
    try:
        compiled = _environment().compile(expression)
    except RuntimeError as error:
        raise ValueError(_plain(str(error))) from error
    found = compiled.return_type().name()
    if found not in ("BOOL", "bool"):
        raise ValueError(f"expected an expression that is true or false; this one is {found}")

    def rule(variables: Mapping[str, Any]) -> bool:
        try:
            value = compiled.eval(data=_flat(variables))
        except RuntimeError as error:
            raise ValueError(_plain(str(error))) from error
        # CEL returns an error as a value, and a text is truthy: test the type
        if value.type().name() not in ("BOOL", "bool"):
            raise ValueError(_plain(str(value.value())))
        return value.value() is True

    return rule


@cache
def _environment() -> Any:  # noqa: ANN401  # cel's own type
    try:
        from cel_expr_python import cel  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ValueError('expressions need CEL: pip install "deploydb[cel]"') from error
    return cel.NewEnv(variables={name: getattr(cel.Type, kind) for name, kind in VARIABLES.items()})


def _flat(variables: Mapping[str, Any]) -> dict[str, Any]:
    """`{"artifact": {"name": …}}` as `{"artifact.name": …}`."""
    flat: dict[str, Any] = {}
    for name, value in variables.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            flat[name] = value
    return flat


def _plain(message: str) -> str:
    """CEL's message without its codes and drawings, with the place in the expression."""
    placed = _PLACED.search(message)
    if placed is None:
        return _CODE.sub("", message.partition("\n")[0])
    line, column, what = placed.groups()
    where = f"line {line}, column {column}" if line != "1" else f"column {column}"
    plain, _, _ = _CODE.sub("", what).partition(" (in container")
    return f"{plain} ({where})"


def _never(_: Mapping[str, Any]) -> bool:
    """Stands for a broken expression: a configuration with one is never used."""
    return False
