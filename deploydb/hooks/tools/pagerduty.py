"""PagerDuty, webhooks V3: incidents that are triggered, reopened and resolved.

Source: https://developer.pagerduty.com/docs/webhooks-overview
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import Signature
from deploydb.hooks.signal import Outcome, Signal
from deploydb.hooks.tool import Report, Tool, ignored

_EVENTS: dict[str, Outcome] = {
    "incident.triggered": "detected",
    "incident.reopened": "detected",
    "incident.resolved": "resolved",
}


def _read(request: Request) -> list[Report]:
    event = Payload.of(request).part("event")
    kind = event.text("event_type")
    if kind not in _EVENTS:
        return ignored(f"the event {shown(kind)} is no begin or end of an incident")
    incident = event.part("data")
    return [
        Signal(
            kind="incident",
            key=event.text("id"),
            names=named(
                service=incident.maybe("service.summary"),
                service_id=incident.maybe("service.id"),
                title=incident.maybe("title"),
                priority=incident.maybe("priority.summary"),
                urgency=incident.maybe("urgency"),
            ),
            outcome=_EVENTS[kind],
            incident=incident.text("id"),
            reason=incident.maybe("title"),
            url=incident.maybe("html_url"),
            time=event.time("occurred_at"),
        )
    ]


TOOL = Tool(
    schemes=(Signature(header="X-PagerDuty-Signature", prefix="v1="),),
    names={
        "service": "the name of the service in PagerDuty",
        "service_id": "its id",
        "title": "the title of the incident",
        "priority": "its priority, such as P1",
        "urgency": "high or low",
    },
    read=_read,
)
