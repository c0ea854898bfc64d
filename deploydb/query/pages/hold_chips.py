"""The holds over the stages of a release, for the cards of its way."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from deploydb.query.hold_views import Held, hold_body
from deploydb.query.request_context import RequestContext
from deploydb.store.queries.holds import holds_at


def hold_chips(
    asked: RequestContext, service: str, version: str, environments: Collection[str]
) -> Mapping[str, list[Any]]:
    """By environment; of the vetoes those of this version alone."""
    with asked.store() as connection:
        held = Held(holds_at(connection, asked.now, service), asked.catalog)
    over = {name: held.over(service, name, [version]) for name in environments}
    return {name: [msgspec.to_builtins(hold_body(hold)) for hold in holds] for name, holds in over.items()}
