"""How a type of fact is kept and read, declared once beside its fields."""

from typing import Literal

from msgspec import Struct


class Projection(Struct, frozen=True, kw_only=True):
    """How the facts of a type add up, and where they are found again. Nothing else lists the types of facts.

    `table`: the store's table that keeps them; None: only the log does. Each of its primary keys has one row, the
    latest fact by (`time`, `source`, `id`). A column has the value of the fact's field of its name, that of
    `constants`, or of `Fact.columns`; a fact about a deployment also has its `deployment_id`.

    `replay`: how a replay of the past takes the fact.
        standing  it counts until a later fact on its subject: one from before the past begins does, too
        event     it counts when it happens
        never     it changes nothing

    `change`: its name among the changes of `blame`; None where it is no change by itself. `detail`: the field that
    says more, such as the kind of a hold.

    `reopens`: the current version of its lane is evaluated again.
    """

    table: str | None
    constants: dict[str, bool] = {}
    replay: Literal["standing", "event", "never"]
    change: str | None
    detail: str | None = None
    reopens: bool = False
