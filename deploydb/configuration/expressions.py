"""CEL expressions, compiled."""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from deploydb.configuration.source import Source
from deploydb.domain.promotions import ExpressionPromotion, Rule


class ExpressionDocument(Struct, kw_only=True, frozen=True, rename={"type_": "type"}):
    """promotions/NAME.yml: a CEL expression must be true."""

    type_: Annotated[Literal["ExpressionPromotion"], Meta(description="An expression must be true.")]
    expression: Annotated[str, Meta(max_length=4096, description="The expression, in CEL.")]
    description: str = ""
    interval: Annotated[timedelta, Meta(description="How often it is asked again.")] = timedelta(minutes=1)


def compile_rule(expression: str) -> Rule:
    """The rule that an expression says."""
    raise ValueError(f"cannot be compiled yet: {expression}")


def build_expression(source: Source, ident: str, document: ExpressionDocument) -> ExpressionPromotion:
    """The promotion that a document describes."""
    try:
        rule = compile_rule(document.expression)
    except ValueError as error:
        source.problem(("expression",), str(error))
        rule = bool
    return ExpressionPromotion(ident=ident, description=document.description, expression=document.expression, rule=rule)
