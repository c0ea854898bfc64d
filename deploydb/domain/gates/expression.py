"""`ExpressionPromotion`: a CEL expression is true. It is compiled when the configuration is read.

CEL comes with the extra `deploydb[cel]`; only a configuration that has an expression needs it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, ClassVar

from msgspec import Meta
from msgspec.structs import asdict

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import ON_ERROR, Checks, Document, Names, OnError, Promotion, Requirement
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import ExpressionFalse, ExpressionTrue, ExpressionUnknown

Rule = Callable[[Mapping[str, Any]], bool]
"""A compiled expression. Given its variables it says yes or no, or raises ValueError where it cannot tell."""

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
"""The variables of expressions (`variables`), each by its whole name: so a misspelt one is an
error of the configuration, and not of an evaluation at night."""

_NOW = ("now",)
_TIMES_OF_THE_RELEASE = ("artifact.published_at", "deployment.since")

_PLACED = re.compile(r"<input>:(\d+):(\d+): (.*)")
_CODE = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


class ExpressionDocument(Document, frozen=True, kw_only=True):
    """The expression as text."""

    expression: Annotated[
        str,
        Meta(
            max_length=4096,
            description=f"The expression, in CEL. It may use {', '.join(VARIABLES)}.",
            extra_json_schema={"examples": ['artifact.published_by == "release-bot"']},
        ),
    ]
    interval: Annotated[
        timedelta, Meta(description="The time between two evaluations, where time may make it true.")
    ] = timedelta(minutes=1)
    on_error: Annotated[OnError, Meta(description=ON_ERROR)] = "block"

    def configured(self, checks: Checks) -> Promotion:
        rule: Rule = _never
        by_age = False
        try:
            rule = compile_rule(self.expression)
            by_age = is_by_age(self.expression)
        except ValueError as error:
            checks.problem(("expression",), str(error))
        compiled = {"expression": " ".join(self.expression.split()), "rule": rule, "by_age": by_age}
        return ExpressionPromotion(**asdict(self) | compiled)


class ExpressionPromotion(Promotion, frozen=True, kw_only=True):
    """Passes when a CEL expression is true (`pip install "deploydb[cel]"`). While it is false, it is asked again."""

    types: ClassVar[Names] = ("ExpressionPromotion",)
    document: ClassVar[type[Document] | None] = ExpressionDocument

    expression: str
    rule: Rule
    by_age: bool = False
    """Time makes it true for each release anew, as of `is_by_age`."""
    interval: timedelta = timedelta(minutes=1)
    on_error: OnError = "block"

    @property
    def when_error(self) -> OnError:
        return self.on_error

    def keeps_turn(self, verdict: Verdict) -> bool:
        """Where the age of the release makes it true. What something else has to make true may stay false for ever."""
        return self.by_age

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        """True passes. False waits, since time or another attempt may change it; an unknown value is an ERROR."""
        ident, again = self.ident, context.now + self.interval
        try:
            holds = self.rule(variables(context))
        except ValueError as error:
            return context.verdict(ident, GateStatus.ERROR, ExpressionUnknown(promotion=ident, error=str(error)), again)
        if holds is True:
            true = ExpressionTrue(promotion=ident, expression=self.expression)
            return context.verdict(ident, GateStatus.PASS, true)
        false = ExpressionFalse(promotion=ident, expression=self.expression)
        return context.verdict(ident, GateStatus.PENDING, false, again)

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        return Requirement(kind="other", text=f"{self.ident} to hold ({self.expression})")


def variables(context: GateContext) -> dict[str, Any]:
    """What an expression may speak of. Times are datetimes; what is not known is an empty text."""
    deployment = context.deployment
    artifact = deployment.release.artifact
    return {
        "service": deployment.service,
        "environment": deployment.environment,
        "artifact": {
            "group": artifact.group,
            "name": artifact.name,
            "version": artifact.version,
            "url": artifact.url or "",
            "digest": artifact.digest or "",
            "commit": artifact.commit or "",
            "published_at": deployment.release.published_at,
            "published_by": deployment.release.published_by,
        },
        "flow": {"id": deployment.flow or 0},
        "deployment": {
            "id": deployment.id,
            "attempt": deployment.attempt,
            "kind": deployment.kind,
            "status": str(deployment.status),
            "since": context.since or context.now,
        },
        "now": context.now,
    }


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


def is_by_age(expression: str) -> bool:
    """Whether a valid expression uses the time now and a time of the release, so that it may compare them."""
    return all(not _compiles(expression, without) for without in (_NOW, _TIMES_OF_THE_RELEASE))


def _compiles(expression: str, without: Names) -> bool:
    try:
        _environment(without).compile(expression)
    except RuntimeError:
        return False
    return True


@cache
def _environment(without: Names = ()) -> Any:  # noqa: ANN401  # cel's own type
    try:
        from cel_expr_python import cel  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ValueError('expressions need CEL: pip install "deploydb[cel]"') from error
    known = {name: kind for name, kind in VARIABLES.items() if name not in without}
    return cel.NewEnv(variables={name: getattr(cel.Type, kind) for name, kind in known.items()})


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
