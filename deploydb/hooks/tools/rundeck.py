"""Rundeck: executions of jobs as deployments, by its webhook notification in JSON.

Source: https://docs.rundeck.com/docs/manual/notifications/webhooks.html
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.payload import Payload, Request, named
from deploydb.hooks.schemes import BEARER_OR_BASIC, Query
from deploydb.hooks.signal import Outcome, Signal
from deploydb.hooks.tool import Report, Tool, ignored

_STATES: dict[str, Outcome] = {
    "running": "started",
    "succeeded": "succeeded",
    "failed": "failed",
    "aborted": "failed",
    "timedout": "failed",
}
_TRIGGERS: dict[str, Outcome] = {"success": "succeeded", "failure": "failed"}
"""Of an execution with a status of the job's own."""

_STARTED = ("dateStartedW3c", "date-started.date")
_ENDED = ("dateEndedW3c", "date-ended.date")


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    execution = payload.part("execution")
    status = execution.maybe("status") or payload.text("status")
    if status == "failed-with-retry":
        return ignored("the execution has failed and is retried: the retry reports its own end")
    outcome = _STATES.get(status) or _TRIGGERS.get(payload.maybe("trigger") or "")
    if outcome is None:
        return ignored(f"the execution is {shown(status)}")
    job = execution.part("job")
    name = "/".join(part for part in (job.maybe("group"), job.text("name")) if part)
    options: dict[str, str] = {}
    for path in ("context.option", "context.options", "job.options"):
        options |= execution.words(path)
    return [
        Signal(
            kind="deployment",
            key=f"execution/{execution.text('id')}/{status}",
            names={
                **named(job=name, project=execution.maybe("project") or job.maybe("project")),
                **{f"option.{key}": value for key, value in options.items()},
            },
            outcome=outcome,
            url=execution.maybe("permalink") or execution.maybe("href"),
            reason=status if outcome == "failed" else None,
            time=execution.time(*(_STARTED if outcome == "started" else _ENDED)),
        )
    ]


TOOL = Tool(
    schemes=(Query(), *BEARER_OR_BASIC),
    names={
        "job": "group/name of the job",
        "project": "its project",
        "option.*": "an option of the job, such as option.version",
    },
    read=_read,
)
