"""How a report to a code host is made: a conversation with it, within the time of a call."""

from typing import assert_never

from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.model.requests import Answer, NoAnswer
from deploydb.domain.model.webhooks import Endpoint
from deploydb.domain.webhook_attempts import FailedCall
from deploydb.egress import Client
from deploydb.orchestrators.code_hosts import GITHUB_URL, GITLAB_URL
from deploydb.orchestrators.conversation import Conversation, Trouble
from deploydb.reports import github, gitlab
from deploydb.reports.report import decode_report, place_of
from deploydb.store.webhook_deliveries import OpenDelivery

from .converse import converse
from .tool_texts import ToolTexts
from .webhook_endpoints import Variable, value_of_variable

WITHIN_SECONDS = 15.0
"""With the last request, which begins by then, less than the lease of an endpoint."""
_LONGEST_PROBLEM = 1000
_OF_THE_CALL = (None, 400, 422)
"""Statuses of a refusal of this commit or state; others are of the token, its rights, or the repository."""


def send_report(
    named: Endpoint, delivery: OpenDelivery, outgoing: Client, variable: Variable
) -> Answer | NoAnswer | FailedCall:
    """The last answer of the code host; or why there is none, or none of success."""
    try:
        token = value_of_variable(named.token_from, variable)
    except Misconfigured as error:
        return NoAnswer(reason=str(error), asked=False)
    try:
        return converse(_conversation(named, delivery, token), outgoing, within=WITHIN_SECONDS)
    except Trouble as trouble:
        return FailedCall(
            problem=ToolTexts(token).text(str(trouble), _LONGEST_PROBLEM),
            status=trouble.status,
            later=trouble.later,
            refused=trouble.refused and trouble.status in _OF_THE_CALL,
            retry_after=trouble.retry_after,
        )


def _conversation(named: Endpoint, delivery: OpenDelivery, token: str) -> Conversation[Answer]:
    report = decode_report(delivery.body)
    match named.report:
        case "github":
            return github.send(report, place_of(named, report, named.url or GITHUB_URL, token))
        case "gitlab":
            return gitlab.send(report, place_of(named, report, named.url or GITLAB_URL, token))
        case None:
            raise ValueError(f"{named.ident} is no report")
        case other:
            assert_never(other)
