"""Alertmanager: alerts that fire and are resolved, as incidents. It repeats what still fires.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import BEARER_OR_BASIC
from deploydb.hooks.signal import Ignored, Signal
from deploydb.hooks.tool import Report, Tool, ignored


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    if payload.get("alerts") is None:
        payload.reject("alerts", "is missing")
    receiver = payload.maybe("receiver")
    return [_alert(alert, receiver) for alert in payload.parts("alerts")] or ignored("there is no alert in it")


def _alert(alert: Payload, receiver: str | None) -> Report:
    status = alert.text("status")
    if status not in ("firing", "resolved"):
        return Ignored(reason=f"the alert is {shown(status)}")
    labels = {name: str(value) for name, value in alert.part("labels").value.items()}
    name = labels.get("alertname", "alert")
    print_ = alert.maybe("fingerprint") or "/".join(f"{key}={value}" for key, value in sorted(labels.items()))
    firing = status == "firing"
    known = named(service=labels.get("service"), environment=labels.get("environment") or labels.get("env"))
    return Signal(
        kind="incident",
        key=f"{print_}/{alert.text('startsAt')}/{status}",
        names={
            "alert": name,
            **named(receiver=receiver, severity=labels.get("severity")),
            **known,
            **{f"label.{key}": value for key, value in labels.items()},
        },
        outcome="detected" if firing else "resolved",
        incident=f"{name}/{print_}"[:255],
        reason=alert.maybe("annotations.summary") or alert.maybe("annotations.description") or name,
        url=alert.maybe("generatorURL"),
        time=alert.time("startsAt") if firing else alert.time("endsAt"),
    )


TOOL = Tool(
    schemes=BEARER_OR_BASIC,
    names={
        "alert": "the label alertname",
        "receiver": "the receiver of Alertmanager",
        "severity": "the label severity",
        "service": "the label service",
        "environment": "the label environment, or env",
        "label.*": "any label, such as label.namespace",
    },
    read=_read,
)
