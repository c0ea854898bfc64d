"""People's orders over HTTP, as they are declared: where each is posted, the facts it becomes, and its fields.

The gateway's routes, its reading of requests, the command line's requests and the OpenAPI document are made from this.
The fields of an order are those of its fact, but for those that the gateway fills in (`FILLED_IN`).
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from deploydb.domain.model import facts
from deploydb.domain.model.facts import Fact

FILLED_IN = ("id", "source", "time", "by", "historical", "command", "commit")
"""What no request gives: the gateway does, or it is nothing for people."""
DECISION = "decision"
"""The field that chooses between the facts of an order."""


FILE = {
    "artifact": "The module, GROUP:NAME.",
    "version": "The version.",
    "digest": "The digest of the file, as it was published.",
}
"""The fields of a request for the file that a fact names, all of them required."""


def is_file(field: msgspec.inspect.Field) -> bool:
    """Whether a field of a fact is a file, which a request names by `FILE`."""
    return isinstance(field.type, msgspec.inspect.StructType)


class Decision(Struct, frozen=True, kw_only=True):
    """A fact that an order can become. `required`: the fields that must be given beside those that the fact requires,
    each with the reason for messages, which may be empty. `refusal`: the beginning of the message for one without an
    effect."""

    fact: type[Fact]
    required: Mapping[str, str] = {}
    refusal: str = "it would not count"

    def fields(self) -> list[msgspec.inspect.Field]:
        """The fields of a request, as the wire names them."""
        shape = msgspec.inspect.type_info(self.fact)
        if not isinstance(shape, msgspec.inspect.StructType):
            raise TypeError(f"{self.fact} is no struct")
        return [field for field in shape.fields if field.name not in FILLED_IN]

    def is_required(self, field: msgspec.inspect.Field) -> bool:
        """Whether a request must have the field."""
        return field.required or field.encode_name in self.required

    def names(self, *, required: bool = False) -> list[str]:
        """The names of a request's fields; those that it must have."""
        wanted = (field for field in self.fields() if self.is_required(field) or not required)
        return [name for field in wanted for name in (FILE if is_file(field) else (field.encode_name,))]

    def request_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the request that becomes the fact with a body."""
        given = {**body}
        for field in filter(is_file, self.fields()):
            file = given.pop(field.encode_name)
            given |= {name: file[name] for name in FILE if name in file} | {
                "artifact": f"{file['group']}:{file['name']}"
            }
        return {name: given[name] for name in self.names() if name in given}


class Order(Struct, frozen=True, kw_only=True):
    """A person's order. `decisions`: by the value of the field `decision`; of an order with one, there is no such
    field; `default`: the first one need not be named. `flags`: fields that are true or false and no part of the fact.
    """

    path: str
    about: str
    decisions: Mapping[str, Decision]
    default: bool = False
    flags: Mapping[str, str] = {}


_LANE = {"service": "", "environment": "", "version": ""}
_WHY = "it shows with the order"
_EARLY = "It is kept for a version that is still to come."

ORDERS = (
    Order(
        path="/api/approvals",
        about="Approve or refuse a version, for a manual promotion or for passing a freeze (promotion `freeze`).",
        decisions={
            "approve": Decision(fact=facts.ApprovalGiven, required=_LANE),
            "refuse": Decision(fact=facts.ApprovalRefused, required={**_LANE, "comment": "a refusal needs a reason"}),
        },
        flags={"early": _EARLY},
    ),
    Order(
        path="/api/retries",
        about="Have another attempt made of a version.",
        decisions={
            "retry": Decision(
                fact=facts.RetryRequested,
                required={"reason": "it shows with the attempt"},
                refusal="nothing is attempted",
            )
        },
    ),
    Order(
        path="/api/acceptances",
        about="Make a file the version that several files were published as.",
        decisions={
            "accept": Decision(fact=facts.ArtifactAccepted, required={"reason": _WHY}, refusal="nothing is accepted")
        },
    ),
    Order(
        path="/api/promotions",
        about="Have a version in an environment now, past the stages that `skip` names.",
        decisions={"promote": Decision(fact=facts.PromotionRequested, required={"reason": _WHY})},
    ),
    Order(
        path="/api/hotfixes",
        about="Let a version go ahead of the others, past the stages that `skip` names.",
        decisions={"hotfix": Decision(fact=facts.HotfixDeclared, required={"reason": _WHY})},
    ),
    Order(
        path="/api/rollbacks",
        about="Put back what ran before; `from` is the version that is to go, by default the one that runs.",
        decisions={
            "rollback": Decision(fact=facts.RollbackRequested, required={"reason": _WHY}, refusal="nothing is put back")
        },
    ),
    Order(
        path="/api/holds",
        about="Place a pin, veto, freeze or pause, or lift one: the one with the id `hold`, else the only one there.",
        decisions={
            "place": Decision(fact=facts.HoldPlaced, required={"reason": _WHY}),
            "lift": Decision(fact=facts.HoldLifted, refusal="nothing is lifted"),
        },
        default=True,
        flags={"early": _EARLY, "all": "Lift each hold of that kind and scope."},
    ),
    Order(
        path="/api/incidents",
        about="Open an incident of what runs in an environment, or resolve it.",
        decisions={
            "open": Decision(fact=facts.IncidentDetected, required={"reason": _WHY}),
            "resolve": Decision(fact=facts.IncidentResolved),
        },
        default=True,
    ),
)


def order_of(kind: type[Fact]) -> tuple[Order, str, Decision] | None:
    """The order that a fact comes from, with its decision by name; None for a fact that is no order."""
    for order in ORDERS:
        for name, decision in order.decisions.items():
            if decision.fact is kind:
                return order, name, decision
    return None
