"""The entries of the inbox that are of gates: approvals that wait, and gates that cannot tell."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import UNSET

from deploydb.domain.model.artifact import order_key
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.gate_reasons import AwaitingApproval
from deploydb.engine.word_check import approvers
from deploydb.query.bodies import reason_body
from deploydb.query.inbox_entry import WHY, Entry, act, look
from deploydb.store.queries.deployments import DeploymentView, ResultView


def of_gates(catalog: Catalog, views: Iterable[DeploymentView], person: str | None) -> Iterator[Entry]:
    """Of each lane, module and gate the newest release. `person`: who asks; None where that is not known."""
    found: dict[tuple[str, str, str, str, str, bool], list[tuple[DeploymentView, ResultView]]] = defaultdict(list)
    for view in views:
        for result in view.results:
            asks = isinstance(result.reason, AwaitingApproval) and result.outcome == "PENDING"
            if asks or result.outcome == "ERROR":
                key = (view.service, view.environment, view.artifact.module, *result.gate, asks)
                found[key].append((view, result))
    for (service, *_, asks), waiting in found.items():
        order = catalog.order_of(service)
        view, result = max(
            waiting,
            key=lambda one: (order_key(order, one[0].artifact.version, one[0].artifact.created_at), one[0].id),
        )
        if asks:
            yield _approval(catalog, view, result, len(waiting), person)
        else:
            yield _errored(view, result, len(waiting))


def _approval(catalog: Catalog, view: DeploymentView, result: ResultView, count: int, person: str | None) -> Entry:
    who = approvers(catalog, result.promotion, view.artifact.authors)
    place, reason = (view.service, view.environment, view.artifact.version), reason_body(result.reason)
    given = result.reason.approved_by if isinstance(result.reason, AwaitingApproval) else ()
    module = view.artifact.module
    options = {"promotion": result.promotion, "artifact": module}
    return Entry(
        kind="approval",
        service=view.service,
        environment=view.environment,
        module=module,
        version=view.artifact.version,
        deployment=view.id,
        text=f"{result.promotion}: {reason.text}" if reason is not None else result.promotion,
        reason=reason,
        since=(result.decided_at or result.created_at).isoformat(),
        count=count,
        acts=[
            act("approve", "approve", *place, **options),
            act("refuse", "refuse", *place, **options, comment=WHY),
            look(*place, module=module),
        ],
        promotion=result.promotion,
        asked="entry" if result.phase == "entry" else UNSET,
        approvers=list(who.names) if who.names is not None else None,
        not_approvers=list(who.but) if who.but else UNSET,
        mine=who.include(person) and person not in given if person is not None else UNSET,
    )


def _errored(view: DeploymentView, result: ResultView, count: int) -> Entry:
    place, reason = (view.service, view.environment, view.artifact.version), reason_body(result.reason)
    return Entry(
        kind="stuck",
        service=view.service,
        environment=view.environment,
        module=view.artifact.module,
        version=view.artifact.version,
        deployment=view.id,
        text=f"{result.promotion}: {reason.text if reason is not None else 'there is no answer'}",
        reason=reason,
        since=(result.decided_at or result.created_at).isoformat(),
        count=count,
        acts=[look(*place, module=view.artifact.module)],
        promotion=result.promotion,
    )
