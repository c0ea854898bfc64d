"""Notifications in the formats of their receivers: as they are, CloudEvents, CDEvents, Slack, Teams, PagerDuty.

A body has no secret: the routing key of PagerDuty is added when the call is made.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, assert_never

import msgspec

from deploydb.domain.model.commands import Notification
from deploydb.domain.model.webhooks import WebhookFormat
from deploydb.domain.notification_templates import render
from deploydb.domain.notification_words import details, headline, place
from deploydb.wire.cdevents_out import cdevent_of
from deploydb.wire.cloudevents import TYPE_PREFIX

_SUMMARY_MOST = 1024
"""PagerDuty's limit of a summary."""
_TEXT_MOST = 2900
"""Below Slack's limit of a section, 3,000 characters."""
_HEAD_MOST = 200
_REASON_MOST = 500
_MARKDOWN = re.compile(r"([\\`*_\[\]()#~>])")
_COLOURS = {
    "deployment.failed": "attention",
    "rollback.failed": "attention",
    "gate.errored": "attention",
    "freeze.overridden": "warning",
    "hold.placed": "warning",
    "deployment.succeeded": "good",
    "rollback.succeeded": "good",
}


def formatted(
    format_: WebhookFormat, notification: Notification, link: str, source: str, template: tuple[str, str] = ("", "")
) -> tuple[str, str]:
    """Content type and body. `link`: the page about it; `source`: of whom the notification is, a URL; `template`: of
    the format of that name, the content type and the text.

    Raises: TemplateProblem, of a template.
    """
    match format_:
        case "json":
            return "application/json", _json(msgspec.to_builtins(notification))
        case "cloudevents":
            return "application/cloudevents+json", _json(_cloud_event(notification, source))
        case "cdevents":
            return "application/json", _json(cdevent_of(notification, source, link))
        case "slack":
            return "application/json", _json(_slack(notification, link))
        case "teams":
            return "application/json", _json(_teams(notification, link))
        case "pagerduty":
            return "application/json", _json(_pagerduty(notification, link))
        case "template":
            content_type, text = template
            return content_type, render(text, content_type, notification, link)
        case other:
            assert_never(other)


def with_routing_key(body: str, key: str) -> str:
    """A body of PagerDuty, with the key."""
    return _json({"routing_key": key, **json.loads(body)})


def _cloud_event(notification: Notification, source: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": notification.id,
        "source": source,
        "type": f"{TYPE_PREFIX}{notification.type}",
        "subject": place(notification),
        "time": notification.time.isoformat(),
        "datacontenttype": "application/json",
        "data": msgspec.to_builtins(notification),
    }


def _slack(notification: Notification, link: str) -> dict[str, Any]:
    head = _escaped(headline(notification)[:_HEAD_MOST])
    lines = [_escaped(notification.reason[:_REASON_MOST])]
    lines += [f"{name}: {_escaped(value[:_REASON_MOST])}" for name, value in details(notification).items()]
    text = f"*{head}*"
    for line in lines:
        if line and len(text) + 1 + len(line) <= _TEXT_MOST:  # whole lines: a part of `&amp;` is no text
            text = f"{text}\n{line}"
    wanted = notification.type == "approval.wanted"
    names = ("Approve", "Refuse") if wanted else ("Open",)
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": name}, "url": link, "action_id": name.lower()}
        for name in names
    ]
    return {
        "text": head,
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": text}},
            {"type": "actions", "elements": buttons},
        ],
    }


def _teams(notification: Notification, link: str) -> dict[str, Any]:
    facts = [{"title": name, "value": _plain(value)} for name, value in details(notification).items()]
    colour = _COLOURS.get(notification.type, "default")
    head = {
        "type": "TextBlock",
        "text": _plain(headline(notification)),
        "weight": "bolder",
        "wrap": True,
        "color": colour,
    }
    body: list[dict[str, Any]] = [head]
    if notification.reason:
        body.append({"type": "TextBlock", "text": _plain(notification.reason), "wrap": True})
    if facts:
        body.append({"type": "FactSet", "facts": facts})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": link}],
    }
    attached = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attached]}


def _pagerduty(notification: Notification, link: str) -> dict[str, Any]:
    over = notification.type == "deployment.succeeded"
    event = {
        "event_action": "resolve" if over else "trigger",
        "dedup_key": f"deploydb/{place(notification)}",
    }
    if over:
        return event
    summary = f"{headline(notification)}: {notification.reason}"[:_SUMMARY_MOST]
    payload = {
        "summary": summary,
        "source": place(notification),
        "severity": "error" if notification.type == "deployment.failed" else "warning",
        "timestamp": notification.time.isoformat(),
        "component": notification.service,
        "group": notification.environment,
        "class": notification.type,
        "custom_details": details(notification),
    }
    payload = {name: value for name, value in payload.items() if value is not None}
    return {**event, "payload": payload, "links": [{"href": link, "text": "DeployDB"}], "client": "DeployDB"}


def _escaped(text: str) -> str:
    """Slack's control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    """Without what Teams takes for Markdown, such as a link; bounded."""
    return _MARKDOWN.sub(r"\\\1", text[:_REASON_MOST])


def _json(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(value).decode()
